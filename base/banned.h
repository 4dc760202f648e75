/* Functions that cannot be used safely become compile errors (as git's banned.h does).
 * Included into every file by the build, after the system headers that declare them. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(func, instead) banned_##func##_use_##instead

#undef strcpy
#define strcpy(x, y) BANNED(strcpy, snprintf)
#undef strcat
#define strcat(x, y) BANNED(strcat, snprintf)
#undef strncpy
#define strncpy(x, y, n) BANNED(strncpy, snprintf)
#undef strncat
#define strncat(x, y, n) BANNED(strncat, snprintf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(x) BANNED(gets, fgets)
#undef strtok
#define strtok(x, y) BANNED(strtok, strtok_r)
#undef gmtime
#define gmtime(x) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(x) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(x) BANNED(ctime, strftime)
#undef asctime
#define asctime(x) BANNED(asctime, strftime)
#undef atoi
#define atoi(x) BANNED(atoi, strtol)

#endif
