// Measures, in a fresh project with the packed packages, what the apps of scripts/sizes/ weigh once bundled, and fails
// when one exceeds its budget or contains what it does not use.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { build, type Metafile } from 'esbuild'
import { rollup } from 'rollup'
import { minify } from 'terser'
import { freshProject, packAll, readJson, root } from './pack.ts'

/** An app of scripts/sizes/ and what must hold of its bundle. */
interface App {
  readonly name: string
  /** Kilobytes, minified and gzipped, without the transport and the app's own schema builder. */
  readonly budget?: number
  readonly actions: boolean
  readonly typebox: boolean
}

interface Bundle {
  readonly code: string
  /** Files that have left at least one byte in the code. */
  readonly files: readonly string[]
}

const apps: readonly App[] = [
  { name: 'lean', budget: 10, actions: false, typebox: false },
  { name: 'lean-actions', actions: true, typebox: false },
  { name: 'validating', budget: 32, actions: false, typebox: true },
  { name: 'validating-actions', actions: true, typebox: true },
]
const external = ['@commlib/mqtt', 'typebox']

const project = freshProject(packAll(), ['@commlib/core', '@commlib/mqtt'])
cpSync(join(root, 'scripts/sizes'), project, { recursive: true })
const dist = readJson<Metafile>('packages/core/dist/metafile-esm.json')
const parts = { actions: filesWith(/^src\/actions\//), typebox: filesWith(/node_modules\/typebox\//) }
const faults: string[] = []

for (const app of apps) {
  const source = join(project, `${app.name}.js`)
  const bundles = { esbuild: await byEsbuild(source), rollup: await byRollup(source) }
  for (const [bundler, { code, files }] of Object.entries(bundles)) {
    const size = gzipSync(code, { level: 9 }).length / 1000
    const budget = app.budget === undefined ? '' : ` of ${app.budget}`
    console.log(`${app.name.padEnd(20)} ${bundler.padEnd(8)} ${size.toFixed(1).padStart(5)} kB min+gzip${budget}`)
    if (app.budget !== undefined && size > app.budget)
      faults.push(`${app.name} by ${bundler}: ${size.toFixed(1)} kB are more than ${app.budget}`)
    for (const part of ['actions', 'typebox'] as const) {
      const found = files.filter(file => parts[part].some(name => file.endsWith(`/@commlib/core/${name}`)))
      if (found.length > 0 !== app[part])
        faults.push(`${app.name} by ${bundler}: ${app[part] ? 'no' : 'some'} code of ${part} (${found.join(', ')})`)
    }
  }
}

for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0

/** Files of core's dist that hold code of these sources. */
function filesWith(sources: RegExp): string[] {
  const files = Object.keys(dist.outputs).filter(file =>
    Object.entries(dist.outputs[file]?.inputs ?? {}).some(
      ([input, { bytesInOutput }]) => sources.test(input) && bytesInOutput > 0,
    ),
  )
  if (files.length === 0) throw new Error(`nothing in core's dist comes from ${sources}: build first`)
  return files
}

async function byEsbuild(source: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [source],
    absWorkingDir: project,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    external,
  })
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter(input => (inputs[input]?.bytesInOutput ?? 0) > 0),
  )
  return { code: outputFiles.map(file => file.text).join(''), files: files.map(file => `/${file}`) }
}

async function byRollup(source: string): Promise<Bundle> {
  const bundle = await rollup({
    input: source,
    external,
    plugins: [nodeResolve({ browser: true })],
    onwarn: warning => {
      throw new Error(warning.message)
    },
  })
  const { output } = await bundle.generate({ format: 'es', inlineDynamicImports: true })
  await bundle.close()
  const { code } = await minify(output[0].code, { module: true, ecma: 2020 })
  const files = Object.keys(output[0].modules).filter(id => (output[0].modules[id]?.renderedLength ?? 0) > 0)
  return { code: code ?? '', files }
}
