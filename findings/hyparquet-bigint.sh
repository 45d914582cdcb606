#!/usr/bin/env bash
# hyparquet: an INT64 is read as a BigInt, and a filter compares it in two ways. `$gte: 2` finds the row with 2, `$eq: 2`
# does not, and `$ne: 2` gives that very row. Nothing says so: a filter by a plain number is simply empty.
# Seen with hyparquet 1.33.0 (file by hyparquet-writer 0.17.0) on Node 20, for an INT64 column of 1, 2, 3:
#   $gte: 2 -> 2, 3    $lte: 2 -> 1, 2    $eq: 2 -> nothing    $in: [2] -> nothing    $ne: 2 -> 1, 2, 3
#   $eq: 2n -> 2       $ne: 2n -> 1, 3    $eq: 2 with filterStrict: false -> 2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-save --prefix . hyparquet@1.33.0 hyparquet-writer@0.17.0
cat > look.mjs <<'JAVASCRIPT'
import { parquetQuery } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'

const file = parquetWriteBuffer({ columnData: [{ name: 'n', data: [1n, 2n, 3n], type: 'INT64' }] })
let failed = false
async function expect(condition, expected, options = {}) {
  const rows = await parquetQuery({ file, filter: { n: condition }, ...options })
  const found = rows.map(row => row.n).join(', ')
  const [operator] = Object.keys(condition)
  const kind = typeof [condition[operator]].flat()[0]
  console.log(`${operator} 2 as ${kind} ${JSON.stringify(options)} -> ${found || 'nothing'}`)
  if (found !== expected) failed = true
}
await expect({ $gte: 2 }, '2, 3')
await expect({ $lte: 2 }, '1, 2')
await expect({ $eq: 2 }, '')
await expect({ $in: [2] }, '')
await expect({ $ne: 2 }, '1, 2, 3')
await expect({ $eq: 2n }, '2')
await expect({ $ne: 2n }, '1, 3')
await expect({ $eq: 2 }, '2', { filterStrict: false })
if (failed) throw new Error('changed')
JAVASCRIPT
node look.mjs
