#!/usr/bin/env bash
# Publishes a release: images to a registry, the rest to the release of its tag. See --help.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

usage() {
    cat <<'TEXT'
usage: publish.sh [--check] [--dry-run]

Publishes the version of vision/__init__.py from its tag vVERSION: the images ariia-vision:VERSION-cpu and
-demo, and on the forge a release with the notes of CHANGELOG.md and all files of dist/. What is published
already is left as it is, so it can be run again.

  --check    only whether tag, version, changelog and checkout fit together
  --dry-run  say what would be done

Environment: REGISTRY, a host and path such as registry.example.org/house; without it no image is
pushed. REGISTRY_USER and REGISTRY_TOKEN to log in there, GH_TOKEN for `gh`.
Exit code: 0 if it is published, 1 if not, 2 for wrong use.
TEXT
}

only_check=false
while (($#)); do
    case $1 in
    --check) only_check=true ;;
    --dry-run) dry_run=true ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1: no such option" ;;
    esac
    shift
done
need git
cd "$ROOT"

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' vision/__init__.py)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.-]+)?$ ]] ||
    die "vision/__init__.py: '$version' is no version"
tag=v$version
[[ -z $(git status --porcelain) ]] || die "the checkout has changes: commit or remove them"
git tag --points-at HEAD | grep -Fqx "$tag" || die "HEAD has no tag $tag: git tag $tag, or change the version"
notes=$(awk -v heading="## [$version]" '
    index($0, heading) == 1 {on = 1; next} /^## \[/ {on = 0} on' CHANGELOG.md)
[[ -n ${notes//[[:space:]]/} ]] || die "CHANGELOG.md has no section [$version]: rename [Unreleased]"
if $only_check; then
    say "$tag is ready"
    exit 0
fi

shopt -s nullglob
files=(dist/*)
((${#files[@]})) || die "dist/ is empty: make dist sbom"
need gh
if [[ -n ${REGISTRY:-} ]]; then
    need_engine
    for kind in cpu demo; do
        docker image inspect "ariia-vision:$version-$kind" >/dev/null 2>&1 ||
            die "image ariia-vision:$version-$kind is not here: make image"
    done
    if [[ -n ${REGISTRY_TOKEN:-} ]] && ! $dry_run; then
        docker login --username "${REGISTRY_USER:?}" --password-stdin "${REGISTRY%%/*}" \
            <<<"$REGISTRY_TOKEN" >&2 || die "$REGISTRY refuses the login: see REGISTRY_USER and REGISTRY_TOKEN"
    fi
    for kind in cpu demo; do
        run docker tag "ariia-vision:$version-$kind" "$REGISTRY/ariia-vision:$version-$kind"
        run docker push "$REGISTRY/ariia-vision:$version-$kind"
    done
fi

if $dry_run; then
    run gh release create "$tag" --verify-tag --title "$tag" --notes-file - "${files[@]}"
elif gh release view "$tag" >/dev/null 2>&1; then
    gh release upload "$tag" --clobber "${files[@]}"
else
    gh release create "$tag" --verify-tag --title "$tag" --notes-file - "${files[@]}" <<<"$notes"
fi
say "published $tag"
