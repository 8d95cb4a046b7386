// Prints the SQL that makes the tables of all models; it needs no database.
import { readFileSync } from 'node:fs'
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg'

const code = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm'))
const { instance } = await WebAssembly.instantiate(readFileSync(code), { './schema_engine_bg.js': engine })
engine.__wbg_set_wasm(instance.exports)
instance.exports.__wbindgen_start()

// What an empty database would answer to the engine's own questions.
const ok = async (value) => ({ ok: true, value })
const empty = {
  provider: 'postgres',
  adapterName: 'empty',
  connect: () => ok(empty),
  executeRaw: () => ok(0),
  queryRaw: () => ok({ columnNames: [], columnTypes: [], rows: [] }),
}

const models = { path: 'schema.prisma', content: readFileSync('schema.prisma', 'utf8') }
const prisma = await engine.SchemaEngine.new({ datamodels: [[models.path, models.content]] }, () => {}, empty)
const { stdout } = await prisma.diff({
  from: { tag: 'empty' },
  to: { tag: 'schemaDatamodel', files: [models] },
  script: true,
  filters: { externalTables: [], externalEnums: [] },
})
console.log(stdout)
