/* One HTTP request to a node, by libcurl, over TCP or a Unix socket. Times are bounded, so that a node
 * that hangs is told from one that answers; so is the size of an answer. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "admin/ctl.h"

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define CONNECT_MS 3000L
#define TOTAL_MS 15000L

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct ctl_answer *answer = arg;
	size_t len = size * n;
	char *grown;

	if (len > ANSWER_MAX - answer->len)
		return 0;
	grown = realloc(answer->text, answer->len + len + 1);
	if (!grown)
		return 0;
	memcpy(grown + answer->len, data, len);
	answer->text = grown;
	answer->len += len;
	answer->text[answer->len] = 0;
	return len;
}

static void set_target(CURL *curl, const struct ctl_node *node, const char *path)
{
	char url[1024];

	snprintf(url, sizeof url, "%s%s", node->socket ? "http://localhost" : node->url, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (node->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, node->socket);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

static struct curl_slist *set_request(CURL *curl, const char *method, const char *body)
{
	struct curl_slist *headers = NULL;

	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	return headers;
}

/* Why there is no answer: the system's word where there is one, else curl's. */
static int unreachable(CURL *curl, const struct ctl_node *node, CURLcode code, const char *detail, struct err *err)
{
	long number = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	return err_set(err, EHOSTUNREACH, "cannot reach %s%s: %s", node->socket ? "unix:" : "",
	               node->socket ? node->socket : node->url,
	               number && code == CURLE_COULDNT_CONNECT ? strerror((int)number) :
	               detail[0] ? detail : curl_easy_strerror(code));
}

int ctl_http_ask(const struct ctl_node *node, const char *method, const char *path, const char *body,
                 struct ctl_answer *answer, struct err *err)
{
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers;
	CURL *curl = curl_easy_init();
	CURLcode code;
	int r = 0;

	*answer = (struct ctl_answer){0};
	if (!curl)
		return err_set(err, ENOMEM, "no memory");
	set_target(curl, node, path);
	headers = set_request(curl, method, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		r = unreachable(curl, node, code, detail, err);
		ctl_answer_free(answer);
	} else {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
		answer->json = answer->text ? json_loadb(answer->text, answer->len, 0, NULL) : NULL;
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return r;
}

void ctl_answer_free(struct ctl_answer *answer)
{
	json_decref(answer->json);
	free(answer->text);
	*answer = (struct ctl_answer){0};
}

char *ctl_http_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0), *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
