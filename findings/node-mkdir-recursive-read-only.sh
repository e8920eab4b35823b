#!/usr/bin/env bash
# Node 20.20.2, 22.20.0 and 24.10.0 on Linux: `fs.mkdirSync(path, { recursive: true })` on a file system that is read only
# fails with ENOENT, "no such file or directory", although the directory above is there. Without `recursive` it fails with
# EROFS, "read-only file system", which is the reason. So a program that makes its directory when it is missing and wants
# to say why it cannot must not use `recursive`, or ask again without it.
#
# Seen on each of them:
#
#     recursive: ENOENT
#     plain: EROFS
#
# Needs `unshare` and the right to mount in a namespace of one's own. Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir mounted
cat > try.js << 'JS'
const { mkdirSync } = require("node:fs")
for (const [name, options] of [["recursive", { recursive: true }], ["plain", {}]]) {
  try {
    mkdirSync("mounted/new", options)
    console.log(`${name}: made`)
  } catch (error) {
    console.log(`${name}: ${error.code}`)
  }
}
JS

for version in 20.20.2 22.20.0 24.10.0; do
  npm install --silent --no-save --prefix "$version" "node@$version" > /dev/null
  node="$folder/$version/node_modules/node/bin/node"
  seen=$(unshare --user --map-root-user --mount sh -c "mount -t tmpfs -o ro tmpfs mounted && '$node' try.js")
  echo "Node $("$node" --version):"
  echo "$seen"
  [ "$seen" = "$(printf 'recursive: ENOENT\nplain: EROFS')" ] || { echo "this has changed"; exit 1; }
done
