#include "dest_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct image_layer world_layer(struct store *s, const char *text, const struct codec *codec)
{
	struct item item = { ENTRY_FILE, "etc/file", 0644, text, 0, 0 };
	auto_tree *tree = table_tree(&item, 1, 100);
	struct image_layer l = { .media_type = layer_media_type(codec), .created_by = "test" };
	struct err err = ERR_INIT;

	assert_int_equal(layer_write(tree, s, codec, &l.layer, &err), 0);
	return l;
}

void world_make(struct world *w, const struct codec *codec)
{
	auto_free char *path = NULL;
	struct err err = ERR_INIT;

	*w = (struct world){ .tmp = tmp_make() };
	path = mem_printf("%s/store", w->tmp.path);
	w->store = store_open(AT_FDCWD, path, &err);
	w->layers[0] = world_layer(w->store, "one", codec);
	w->layers[1] = world_layer(w->store, "two", codec);
	w->layers[2] = w->layers[0]; /* the same blob twice */
	w->im = (struct image){ .os = "linux", .arch = "amd64", .created = 1, .layers = w->layers, .n_layers = 3 };
}

void world_end(struct world *w)
{
	store_free(w->store);
	arena_release(&w->arena);
	tmp_remove(&w->tmp);
}

struct dest world_place(struct world *w, const char *where)
{
	struct err err = ERR_INIT;
	struct dest d;
	char *colon;
	auto_free char *text = mem_printf("%s", where);

	colon = strchr(text, ':');
	*colon = '\0';
	assert_int_equal(
		dest_parse(&w->arena, arena_printf(&w->arena, "%s:%s/%s", text, w->tmp.path, colon + 1), &d, &err), 0);
	return d;
}

int world_put(struct world *w, const char *where, struct err *err)
{
	struct dest d = world_place(w, where);
	struct digest digest;

	return dest_write(&d, &w->im, w->store, NULL, &digest, NULL, err);
}

void world_must_put(struct world *w, const char *where)
{
	struct err err = ERR_INIT;

	if (world_put(w, where, &err) < 0)
		fail_msg("%s: %s", where, err.text);
}

struct blobs *world_get(struct world *w, const char *where, struct err *err)
{
	struct dest d = world_place(w, where);

	return dest_open(&d, "linux", "amd64", err);
}

char *world_path(struct world *w, const char *name)
{
	return arena_printf(&w->arena, "%s/%s", w->tmp.path, name);
}

void world_write(struct world *w, const char *name, const char *text, size_t n)
{
	struct err err = ERR_INIT;

	assert_int_equal(fs_write(AT_FDCWD, world_path(w, name), text, n, 0644, &err), 0);
}

const char *world_names(struct world *w, const char *name)
{
	const char *const *names;
	struct err err = ERR_INIT;
	auto_buf out = { 0 };
	size_t n;

	if (fs_list(&w->arena, AT_FDCWD, world_path(w, name), &names, &n, &err) < 0)
		return "-";
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s%s", i ? " " : "", names[i]);
	return arena_strdup(&w->arena, buf_cstr(&out));
}
