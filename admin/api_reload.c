/* The configuration loaded anew, for whoever asks over the API. */
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"

static const struct field reload_fields[] = {
	FIELD("status", STRING, "reloaded"),
	FIELD("needs_restart", ARRAY, "keys that differ in the file and are not in force before a restart"),
	FIELD("notes", ARRAY, "what is worth a word in the file, as FILE:LINE:COLUMN: text"),
	FIELD_END
};
const struct schema schema_reload = {"Reload", "The configuration in the file is in force", reload_fields};

void admin_reload_free(struct admin_reload *r)
{
	free(r->lines);
	free(r->needs_restart);
}

static void put_lines(struct jw *w, const char *key, const char *text)
{
	jw_key(w, key);
	jw_array(w);
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		jw_strn(w, line, n);
		line += n + (line[n] != 0);
	}
	jw_array_end(w);
}

/* A problem document with all that is wrong, beyond its one line. */
static void refuse(struct api_call *call, const struct admin_reload *r)
{
	struct jw *w = &call->response->body;
	const char *text = r->lines && *r->lines ? r->lines : "out of memory\n", *first = strchr(text, '\n');
	char detail[512];
	bool more = first && first[1];

	snprintf(detail, sizeof detail, "%.*s%s; the configuration in force stays", (int)strcspn(text, "\n"), text,
	         more ? " (and more, in errors)" : "");
	call->response->status = 422;
	call->response->type = API_PROBLEM;
	jw_object(w);
	jw_kstr(w, "type", "about:blank");
	jw_kstr(w, "title", routes_status_str(422));
	jw_kint(w, "status", 422);
	jw_kstr(w, "detail", detail);
	put_lines(w, "errors", text);
	jw_object_end(w);
}

void api_reload(struct api_call *call)
{
	struct admin_reload r = {0};
	struct jw *w;

	if (call->sources->reload(call->sources->arg, call->who, &r) < 0) {
		refuse(call, &r);
	} else {
		w = api_object(call);
		jw_kstr(w, "status", "reloaded");
		put_lines(w, "needs_restart", r.needs_restart);
		put_lines(w, "notes", r.lines);
		jw_object_end(w);
	}
	admin_reload_free(&r);
}
