import { build } from 'esbuild'
import { expect, it } from 'vitest'

it('brings nothing of Node into a bundle for browsers', async () => {
  const { metafile } = await build({
    entryPoints: [new URL('../src/index.ts', import.meta.url).pathname],
    bundle: true,
    splitting: true,
    outdir: 'out',
    platform: 'browser',
    format: 'esm',
    metafile: true,
    write: false,
  })
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external))
  expect(imported).toEqual([])
})
