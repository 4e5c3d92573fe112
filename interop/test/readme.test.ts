import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { supportOn } from '../src/support.ts'
import { renderTable } from '../src/table.ts'
import type { BrokerName } from '../src/versions.ts'

const readme = join(import.meta.dirname, '..', 'README.md')

// `vitest run --project interop -u readme` writes it.
test('the README holds what the tests show', async () => {
  const filled = (Object.keys(supportOn) as BrokerName[]).reduce(
    (text, broker) => {
      const [before, rest = ''] = text.split(`<!-- ${broker} -->\n`)
      const after = rest.slice(rest.indexOf('<!-- end -->\n') + '<!-- end -->\n'.length)
      return `${before}<!-- ${broker} -->\n\n${renderTable(broker, supportOn[broker])}\n\n<!-- end -->\n${after}`
    },
    readFileSync(readme, 'utf8'),
  )
  await expect(filled).toMatchFileSnapshot(readme)
})
