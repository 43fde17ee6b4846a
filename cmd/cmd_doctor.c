#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/colour.h"
#include "cmd/commands.h"
#include "cmd/doctor.h"

static size_t count(const struct doctor *d, enum finding_kind kind)
{
	size_t ret = 0;

	for (size_t i = 0; i < d->n; i++)
		ret += d->list[i].kind == kind;
	return ret;
}

static void print_text(const struct doctor *d)
{
	static const struct {
		const char *word;
		enum colour colour;
	} kinds[] = {
		[FINDING_OK] = { "ok", COLOUR_GOOD },
		[FINDING_NOTE] = { "note", COLOUR_WARNING },
		[FINDING_WRONG] = { "wrong", COLOUR_BAD },
	};
	bool coloured = colour_wanted(STDOUT_FILENO);

	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->list[i];

		if (f->kind == FINDING_OK && d->options->quiet)
			continue;
		printf("%s%-5s%s  %-13s  %s\n", coloured ? colour_begin(kinds[f->kind].colour) : "",
		       kinds[f->kind].word, coloured ? COLOUR_END : "", f->about, f->text);
	}
}

static void print_json(const struct doctor *d)
{
	static const char *const words[] = { "ok", "note", "wrong" };
	auto_buf out = { 0 };
	struct json j = { .out = &out, .indent = 2 };

	json_object(&j);
	json_put_string(&j, "schema", "doctor-1");
	json_put_bool(&j, "ok", count(d, FINDING_WRONG) == 0);
	json_key(&j, "findings");
	json_array(&j);
	for (size_t i = 0; i < d->n; i++) {
		json_object(&j);
		json_put_string(&j, "kind", words[d->list[i].kind]);
		json_put_string(&j, "about", d->list[i].about);
		json_put_string(&j, "text", d->list[i].text);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	puts(out.p);
}

int cmd_doctor(const struct options *o, struct err *err)
{
	static void (*const checks[])(struct doctor * d) = {
		doctor_cache,	      doctor_scratch,	   doctor_memory,   doctor_clock,
		doctor_configuration, doctor_certificates, doctor_proxies,  doctor_logins,
		doctor_channels,      doctor_registries,   doctor_programs, doctor_namespaces,
	};
	CLEANUP(doctor_release) struct doctor d = { .options = o };
	size_t wrong;

	for (size_t i = 0; i < COUNT(checks); i++)
		checks[i](&d);
	if (o->json)
		print_json(&d);
	else
		print_text(&d);
	fflush(stdout);
	wrong = count(&d, FINDING_WRONG);
	return wrong ? err_set(err, ERR_IO, "%zu of %zu checks say that something will not work", wrong, d.n) : 0;
}
