#include "oci/descriptor.h"

bool descriptor_digest(const char *text, struct digest *ret)
{
	return str_starts(text, "sha256:") && !text[7 + strspn(text + 7, "0123456789abcdef")] &&
	       digest_parse(text + 7, ret);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct annotation *)a)->key, ((const struct annotation *)b)->key);
}

int descriptor_read_map(struct arena *a, const struct doc *d, const char *key, const struct annotation **ret, size_t *n,
			struct err *err)
{
	const struct doc *map = doc_find(d, key);
	struct annotation *list;

	if (!map || map->type == DOC_NULL) {
		*ret = NULL;
		*n = 0;
		return 0;
	}
	if (map->type != DOC_MAP)
		return doc_fault(map, err, "'%s' is a %s, expected an object", key, doc_type_name(map->type));
	list = arena_array(a, map->n, sizeof(*list));
	for (size_t i = 0; i < map->n; i++) {
		if (map->items[i].type != DOC_STRING)
			return doc_fault(&map->items[i], err, "'%s' of '%s' is a %s, expected a string",
					 map->keys[i].text, key, doc_type_name(map->items[i].type));
		list[i] = (struct annotation){ map->keys[i].text, map->items[i].text };
	}
	if (map->n)
		qsort(list, map->n, sizeof(*list), by_key);
	*ret = map->n ? list : NULL;
	*n = map->n;
	return 0;
}

int descriptor_read(struct arena *a, const struct doc *d, struct descriptor *ret, struct err *err)
{
	struct descriptor found = { 0 };
	const char *digest;
	int64_t size;

	if (!d || d->type != DOC_MAP)
		return d ? doc_fault(d, err, "a descriptor is a %s, expected an object", doc_type_name(d->type))
			 : err_set(err, ERR_FORMAT, "a descriptor is missing");
	if (doc_get_string(d, "mediaType", "", &found.media_type, err) < 0 ||
	    doc_get_string(d, "digest", "", &digest, err) < 0 || doc_get_int(d, "size", -1, &size, err) < 0 ||
	    descriptor_read_map(a, d, "annotations", &found.annotations, &found.n_annotations, err) < 0)
		return -1;
	if (!descriptor_digest(digest, &found.digest))
		return doc_fault(d, err, "digest '%.100s' is not 'sha256:' and 64 lower-case hex digits", digest);
	if (size < 0)
		return doc_fault(d, err, "the size of sha256:%s is missing or negative", digest_hex(&found.digest).hex);
	found.size = (uint64_t)size;
	*ret = found;
	return 0;
}

void descriptor_write_map(struct json *j, const char *key, const struct annotation *list, size_t n)
{
	if (!n)
		return;
	json_key(j, key);
	json_object(j);
	for (size_t i = 0; i < n; i++)
		json_put_string(j, list[i].key, list[i].value);
	json_end(j);
}

void descriptor_write(struct json *j, const struct descriptor *d)
{
	auto_free char *digest = mem_printf("sha256:%s", digest_hex(&d->digest).hex);

	json_object(j);
	descriptor_write_map(j, "annotations", d->annotations, d->n_annotations);
	json_put_string(j, "digest", digest);
	json_put_string(j, "mediaType", d->media_type);
	json_key(j, "size");
	json_uint(j, d->size);
	json_end(j);
}

const char *descriptor_annotation(const struct annotation *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].key, key) == 0)
			return list[i].value;
	return NULL;
}
