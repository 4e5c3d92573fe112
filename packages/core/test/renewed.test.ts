import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { renewed } from '../src/util/renewed.ts'

it('keeps a Map and a Set as they are, in order, whoever comes and goes', () => {
  let map = new Map<number, string>()
  let set = new Set<number>()
  const [firstMap, firstSet] = [map, set]
  for (let n = 0; n < 5000; n++) {
    map = renewed(map).set(n, String(n))
    set = renewed(set).add(n)
    if (n % 100 === 0) continue
    map.delete(n - 60)
    set.delete(n - 60)
  }
  const left = Array.from({ length: 5000 }, (_, n) => n).filter(n => n >= 4940 || (n + 60) % 100 === 0)
  expect([...map]).toEqual(left.map(n => [n, String(n)]))
  expect([...set]).toEqual(left)
  expect(map).not.toBe(firstMap)
  expect(set).not.toBe(firstSet)
})

it('leaves nothing of what has gone to the next full collection', () => {
  const path = new URL('../src/util/renewed.ts', import.meta.url).href
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { renewed } from '${path}'
    const kept = () => getHeapSpaceStatistics().find(space => space.space_name === 'old_space').space_used_size
    let open = new Map()
    const step = n => {
      open = renewed(open).set(n, { text: JSON.stringify({ n, text: 'x'.repeat(2000) }) })
      open.delete(n - 64)
    }
    for (let n = 0; n < 1000; n++) step(n)
    gc()
    gc()
    const before = kept()
    let most = 0
    for (let n = 1000; n < 21_000; n++) {
      step(n)
      if (n % 100 === 0) most = Math.max(most, kept() - before)
    }
    console.log(most)`
  const out = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  // Of 40 MB; it would be 20 and more in one and the same Map.
  expect(Number(out)).toBeLessThan(5e6)
})
