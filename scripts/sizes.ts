// Measures, in a fresh project with the packed packages, what the apps of scripts/sizes/ weigh once bundled, and fails
// when one exceeds its budget or contains what it does not use.
import { cpSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { build, type Metafile } from 'esbuild'
import { rollup } from 'rollup'
import { minify } from 'terser'
import { freshProject, packAll, readJson, root } from './pack.ts'

/** An app of scripts/sizes/ and what must hold of its bundle. */
interface App {
  readonly name: string
  /** Kilobytes (of 1000 bytes) that the app loads, minified and gzipped, without what the budgets leave out. */
  readonly budget?: number
  readonly actions: boolean
  readonly typebox: boolean
}

/** A file that a bundler made. */
interface Chunk {
  readonly name: string
  /** Minified. */
  readonly code: string
  /** Source files that have left at least one byte in the code. */
  readonly sources: readonly string[]
  /** Names of the chunks that are loaded with this one. */
  readonly imports: readonly string[]
}

const apps: readonly App[] = [
  { name: 'lean', budget: 10, actions: false, typebox: false },
  { name: 'lean-actions', actions: true, typebox: false },
  // Publish/subscribe, RPC and the transport, with an action that is called, that is served, and both.
  { name: 'lite', budget: 25, actions: true, typebox: false },
  { name: 'lite-served', budget: 25, actions: true, typebox: false },
  { name: 'lite-both', budget: 28.5, actions: true, typebox: false },
  { name: 'validating', budget: 32, actions: false, typebox: true },
  { name: 'validating-actions', actions: true, typebox: true },
]

const project = freshProject(packAll(), ['@commlib/core', '@commlib/mqtt', '@commlib/mqtt-lite'])
cpSync(join(root, 'scripts/sizes'), project, { recursive: true })
const dist = readJson<Metafile>('packages/core/dist/metafile-esm.json')
const parts = { actions: filesWith(/^src\/actions\//), typebox: filesWith(/node_modules\/typebox\//) }
const faults: string[] = []
// What the budgets leave out: mqtt.js and memory's transport, and the app's own schema builder.
const external = ['@commlib/mqtt', 'typebox']
const memoryFiles = filesWith(/^src\/memory\//).map(file => basename(file))
const isMemory = (path: string) => memoryFiles.includes(basename(path))

for (const app of apps) {
  const source = join(project, `${app.name}.js`)
  for (const [bundler, bundle] of Object.entries({ esbuild: byEsbuild, rollup: byRollup })) {
    const chunks = await bundle(source)
    const loaded = reached(chunks)
    const size = gzipped(loaded)
    const later = gzipped(chunks.filter(chunk => !loaded.includes(chunk)))
    console.log(
      [
        `${app.name.padEnd(20)} ${bundler.padEnd(8)}`,
        `${size.toFixed(2).padStart(5)} kB min+gzip${app.budget === undefined ? '' : ` of ${app.budget}`}`,
        later > 0 ? `and ${later.toFixed(2)} loaded when needed` : '',
      ].join(' '),
    )
    if (app.budget !== undefined && size > app.budget)
      faults.push(`${app.name} by ${bundler}: ${size.toFixed(2)} kB are more than ${app.budget}`)
    for (const part of ['actions', 'typebox'] as const) {
      const found = chunks
        .flatMap(chunk => chunk.sources)
        .filter(file => parts[part].some(name => file.endsWith(`/@commlib/core/${name}`)))
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

/** The chunks that are loaded with the first, itself included. */
function reached(chunks: readonly Chunk[]): readonly Chunk[] {
  const found = new Set(chunks.slice(0, 1))
  for (const { imports } of found) for (const chunk of chunks) if (imports.includes(chunk.name)) found.add(chunk)
  return [...found]
}

function gzipped(chunks: readonly Chunk[]): number {
  if (chunks.length === 0) return 0
  return gzipSync(chunks.map(chunk => chunk.code).join('\n'), { level: 9 }).length / 1000
}

async function byEsbuild(source: string): Promise<Chunk[]> {
  const { outputFiles, metafile } = await build({
    entryPoints: [source],
    absWorkingDir: project,
    outdir: 'out',
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    write: false,
    external,
    plugins: [
      {
        name: 'without memory',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^\.\// }, ({ path }) =>
            isMemory(path) ? { path, external: true, sideEffects: false } : null,
          ),
      },
    ],
  })
  const chunks = Object.entries(metafile.outputs).map(([name, { inputs, imports }]) => ({
    name,
    code: outputFiles.find(file => file.path === join(project, name))?.text ?? '',
    sources: Object.keys(inputs).flatMap(input => ((inputs[input]?.bytesInOutput ?? 0) > 0 ? [`/${input}`] : [])),
    imports: imports.flatMap(({ kind, path }) => (kind === 'import-statement' ? [path] : [])),
  }))
  const entry = Object.keys(metafile.outputs).findIndex(name => metafile.outputs[name]?.entryPoint === basename(source))
  return [...chunks.splice(entry, 1), ...chunks]
}

async function byRollup(source: string): Promise<Chunk[]> {
  const bundle = await rollup({
    input: source,
    external: id => isMemory(id) || external.includes(id),
    treeshake: { moduleSideEffects: 'no-external' },
    plugins: [nodeResolve({ browser: true })],
    onwarn: warning => {
      // That of memory's transport, by who has one of their own.
      if (warning.code === 'UNUSED_EXTERNAL_IMPORT') return
      throw new Error(warning.message)
    },
  })
  const { output } = await bundle.generate({ format: 'es' })
  await bundle.close()
  const chunks = output.filter(file => file.type === 'chunk')
  return Promise.all(
    chunks.map(async ({ fileName, code, modules, imports }) => ({
      name: fileName,
      code: (await minify(code, { module: true, ecma: 2020 })).code ?? '',
      sources: Object.keys(modules).filter(id => (modules[id]?.renderedLength ?? 0) > 0),
      imports,
    })),
  )
}
