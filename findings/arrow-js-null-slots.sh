#!/usr/bin/env bash
# apache-arrow for JavaScript: toArray() of a column of numbers is its memory, in which a null has no mark. After
# parquet-wasm has read the file, the slot of a null holds not zero but another row's value, so that a sum counts it again.
# Seen with apache-arrow 21.2.0 and parquet-wasm 0.8.0 on Node 20, Linux x86-64, for 4.5, null, 2, null, null, 3:
#   toArray()  4.5, 2, 2, 0, 0, 3     sum 11.5
#   get(i)     4.5, null, 2, null, null, 3     sum 9.5
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-save --prefix . apache-arrow@21.2.0 parquet-wasm@0.8.0
cat > look.mjs <<'JAVASCRIPT'
import { Float32, tableFromIPC, tableToIPC, Table, vectorFromArray } from 'apache-arrow'
import { Table as WasmTable, readParquet, writeParquet } from 'parquet-wasm'

const written = new Table({ rating: vectorFromArray([4.5, null, 2, null, null, 3], new Float32()) })
const file = writeParquet(WasmTable.fromIPCStream(tableToIPC(written, 'stream')))
const rating = tableFromIPC(readParquet(file).intoIPCStream()).getChild('rating')
const memory = Array.from(rating.toArray())
const values = Array.from({ length: rating.length }, (_, row) => rating.get(row))
const sum = numbers => numbers.reduce((total, number) => total + number, 0)
console.log(`toArray()  ${memory.join(', ')}  sum ${sum(memory)}`)
console.log(`get(i)     ${values.map(String).join(', ')}  sum ${sum(values)}  nullCount ${rating.nullCount}`)
const as = value => JSON.stringify(value)
if (as(values) !== as([4.5, null, 2, null, null, 3])) throw new Error('get() changed')
if (as(memory) !== as([4.5, 2, 2, 0, 0, 3])) throw new Error('toArray() changed')
JAVASCRIPT
node look.mjs
