#include "cmd/diff_tell.h"

#include <string.h>

/* ---- text ---- */

const char *diff_tell_tidy(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	str_tidy(copy);
	return copy;
}

static const char *version_of(struct arena *a, const struct told_package *p, bool channel)
{
	const char *text = arena_printf(a, "%s %s", p->record->version, p->record->build);

	return diff_tell_tidy(a, channel && diff_channel(p) ? arena_printf(a, "%s (%s)", text, diff_channel(p)) : text);
}

static void print_package(struct arena *a, const struct diff_package *p, FILE *to)
{
	const struct told_package *x = p->a, *y = p->b;
	const char *name = diff_tell_tidy(a, (x ? x : y)->record->name);
	bool channels = x && y && diff_channel(x) && diff_channel(y) && strcmp(diff_channel(x), diff_channel(y)) != 0;

	if (x && y)
		fprintf(to, "~ %-28s %s -> %s\n", name, version_of(a, x, channels), version_of(a, y, channels));
	else
		fprintf(to, "%c %-28s %s\n", x ? '-' : '+', name, version_of(a, x ? x : y, false));
}

static void print_packages(struct arena *a, const struct diff *d, FILE *to)
{
	size_t n[3] = { 0 };

	for (size_t i = 0; i < d->n_packages; i++)
		n[d->packages[i].a && d->packages[i].b ? 0 : d->packages[i].b ? 1 : 2]++;
	fprintf(to, "\npackages: %zu changed, %zu added, %zu removed, %zu the same\n", n[0], n[1], n[2], d->n_same);
	for (size_t i = 0; i < d->n_packages; i++)
		print_package(a, &d->packages[i], to);
}

static const char *told_license(struct arena *a, const struct told_package *p)
{
	const char *text = diff_license(a, p);

	return text && *text ? diff_tell_tidy(a, text) : "none";
}

static void print_licenses(struct arena *a, const struct diff *d, FILE *to)
{
	if (d->n_licenses)
		fprintf(to, "\nlicences: %zu changed\n", d->n_licenses);
	for (size_t i = 0; i < d->n_licenses; i++)
		fprintf(to, "~ %-28s %s -> %s\n", diff_tell_tidy(a, d->licenses[i].a->record->name),
			told_license(a, d->licenses[i].a), told_license(a, d->licenses[i].b));
}

void diff_tell_print(struct arena *a, const struct diff *d, FILE *to)
{
	print_packages(a, d, to);
	print_licenses(a, d, to);
}

/* ---- JSON ---- */

static void json_package(struct arena *a, struct json *j, const struct told_package *p, bool named)
{
	json_object(j);
	if (named)
		json_put_string(j, "name", p->record->name);
	json_put_string(j, "version", p->record->version);
	json_put_string(j, "build", p->record->build);
	json_put_string(j, "channel", diff_channel(p));
	json_put_string(j, "license", diff_license(a, p));
	json_end(j);
}

static void json_one_sided(struct arena *a, struct json *j, const char *key, const struct diff *d, bool added)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < d->n_packages; i++) {
		const struct diff_package *p = &d->packages[i];

		if (added ? !p->a : !p->b)
			json_package(a, j, added ? p->b : p->a, true);
	}
	json_end(j);
}

static void json_changed(struct arena *a, struct json *j, const char *key, const struct diff_package *list, size_t n)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < n; i++) {
		if (!list[i].a || !list[i].b)
			continue;
		json_object(j);
		json_put_string(j, "name", list[i].a->record->name);
		json_key(j, "from");
		json_package(a, j, list[i].a, false);
		json_key(j, "to");
		json_package(a, j, list[i].b, false);
		json_end(j);
	}
	json_end(j);
}

void diff_tell_json(struct arena *a, const struct diff *d, struct json *j)
{
	json_put_int(j, "same", (int64_t)d->n_same);
	json_changed(a, j, "changed", d->packages, d->n_packages);
	json_one_sided(a, j, "added", d, true);
	json_one_sided(a, j, "removed", d, false);
	json_changed(a, j, "licenses", d->licenses, d->n_licenses);
}
