import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mqttSupport } from '../src/support.ts'
import { renderTable } from '../src/table.ts'

const readme = join(import.meta.dirname, '..', 'README.md')

// `vitest run --project interop -u readme` writes it.
test('the README holds what the tests show', async () => {
  const [before, rest = ''] = readFileSync(readme, 'utf8').split('<!-- mqtt -->\n')
  const after = rest.split('<!-- end -->\n')[1]
  const filled = `${before}<!-- mqtt -->\n\n${renderTable(mqttSupport)}\n\n<!-- end -->\n${after}`
  await expect(filled).toMatchFileSnapshot(readme)
})
