#!/bin/sh
# For pre-commit: is the lock beside each of these files current? The arguments are files that changed: an environment.yml, or the
# lock itself.
set -eu

status=0
for file; do
	case $file in
	*/*) folder=${file%/*} ;;
	*) folder=. ;;
	esac
	case " ${seen:-} " in *" $folder "*) continue ;; esac
	seen="${seen:-} $folder"
	[ -e "$folder/conda-lock.yml" ] || continue
	for environment in "$folder/environment.yml" "$folder/environment.yaml"; do
		[ ! -e "$environment" ] || "${CONDAIMG:-condaimg}" lock "$environment" --check || status=1
	done
done
exit $status
