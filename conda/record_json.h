/* What repodata, locks and conda-meta write of a record in the same words. What a record has not is not written. */
#ifndef CONDA_RECORD_JSON_H
#define CONDA_RECORD_JSON_H

#include "base/json.h"
#include "conda/record.h"

void record_json_extras(struct json *j, const struct record *r); /* "extra_depends" (CEP 44) */
void record_json_features(struct json *j, const struct record *r); /* "track_features": one string, as conda has it */
void record_json_noarch(struct json *j, const struct record *r); /* "noarch": "python" or "generic" */

#endif
