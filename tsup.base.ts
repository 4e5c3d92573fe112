import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { buildSync, type Metafile, type Plugin } from 'esbuild'
import { defineConfig } from 'tsup'

/** What one package adds to the build that all share. */
export interface LibraryOptions {
  /**
   * Source files that get chunks of their own, by the group's name: an app's bundler drops such a chunk whole when
   * the app uses nothing of it, and the bundler's metafile shows that it did. The build fails when other
   * code than an entry's needs the group.
   */
  readonly chunks?: Readonly<Record<string, RegExp>> | undefined
  /**
   * Source files that are loaded when needed, and get a copy of what they import: what they would share with the rest, an
   * app's bundler would cut out of it, which costs more than so little code twice.
   */
  readonly apart?: readonly string[] | undefined
  /** Imports that are compiled in, their licence texts with them, instead of being left to the dependency. */
  readonly bundled?: readonly RegExp[] | undefined
}

/** The entry that stands for all that does without the groups. */
const REST = 'group:'

/** A group's name and its source files. */
type Group = readonly [name: string, files: RegExp]

/** Makes the tsup configuration of the package in the working directory, whose entries are the `exports` of its package.json. */
export function library({ chunks = {}, apart = [], bundled = [] }: LibraryOptions = {}) {
  const entry = entriesOf(JSON.parse(readFileSync('package.json', 'utf8')))
  return defineConfig({
    entry,
    format: 'esm',
    target: ['node20', 'es2022'],
    removeNodeProtocol: false,
    splitting: true,
    dts: true,
    sourcemap: true,
    metafile: true,
    clean: true,
    silent: true,
    noExternal: [...bundled],
    esbuildPlugins: [copies(apart), chunksOf(Object.entries(chunks), Object.values(entry), apart), licences()],
  })
}

/** Reads the entries from `exports`, which names the sources, and checks that `publishConfig.exports` says the same of dist. */
function entriesOf(manifest: { name: string; exports: Record<string, string>; publishConfig?: { exports?: unknown } }) {
  const entry: Record<string, string> = {}
  const published: Record<string, unknown> = {}
  for (const [path, source] of Object.entries(manifest.exports)) {
    if (!existsSync(source))
      throw new Error(`${manifest.name}: exports['${path}'] names ${source}, which does not exist`)
    const name = path === '.' ? 'index' : path.slice(2)
    entry[name] = source
    published[path] = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }
  }
  if (!isDeepStrictEqual(manifest.publishConfig?.exports, published))
    throw new Error(
      `${manifest.name}: publishConfig.exports does not mirror exports; set it to ${JSON.stringify(published, null, 2)}`,
    )
  return entry
}

/**
 * Makes one chunk of each group and one of the rest, and fails when the rest needs a group.
 *
 * esbuild puts files into one chunk that the same entries reach. So every entry, and every file that is imported
 * dynamically and imports something, gets to reach all files that do without the groups, since each further file costs time when it is loaded;
 * and each group gets an entry to itself, whose output is thrown away.
 */
function chunksOf(groups: readonly Group[], entries: readonly string[], apart: readonly string[]): Plugin {
  const { wide, rest, own } = partition(groups, entries, apart)
  return {
    name: 'chunks',
    setup(build) {
      const points = groups.map(([name]) => [name, `group:${name}`])
      build.initialOptions.entryPoints = {
        ...(build.initialOptions.entryPoints as Record<string, string>),
        ...Object.fromEntries(points),
      }
      build.onResolve({ filter: /^group:/ }, ({ path }) => ({ path, namespace: 'group' }))
      build.onLoad({ filter: /.*/, namespace: 'group' }, ({ path }) => {
        const members = path === REST ? rest : [...(own.get(path) ?? []), REST]
        return { contents: members.map(member => `import '${member}'`).join('\n'), resolveDir: process.cwd() }
      })
      build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        wide.includes(relative('.', path))
          ? { contents: `${readFileSync(path, 'utf8')}\nimport '${REST}'`, loader: 'ts' }
          : undefined,
      )
      build.onEnd(({ metafile, outputFiles, errors }) => {
        if (errors.length > 0 || metafile === undefined) return
        const drop = (path: string) => {
          delete metafile.outputs[path]
          const index = outputFiles?.findIndex(file => file.path === resolve(path)) ?? -1
          if (index >= 0) outputFiles?.splice(index, 1)
        }
        for (const [path, { inputs, entryPoint }] of Object.entries(metafile.outputs)) {
          const thrown = entryPoint?.startsWith('group:') === true
          // A source map of what is compiled in would be larger than all of the package.
          if (thrown || Object.keys(inputs).some(input => input.includes('node_modules/'))) drop(`${path}.map`)
          if (thrown) drop(path)
        }
        return { errors: leaks(groups, metafile).map(text => ({ text })) }
      })
    },
  }
}

/** Compiles into each of these files what it imports. */
function copies(files: readonly string[]): Plugin {
  return {
    name: 'copies',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!files.includes(relative('.', path))) return undefined
        const whole = { bundle: true, write: false, format: 'esm', sourcemap: 'inline' } as const
        const [file] = buildSync({ ...whole, entryPoints: [path] }).outputFiles
        return { contents: file?.text ?? '', loader: 'js' }
      })
    },
  }
}

/** Finds the files where loading begins, and those that can be loaded without any of the groups. */
function partition(groups: readonly Group[], entries: readonly string[], apart: readonly string[]) {
  const { metafile } = buildSync({
    entryPoints: globSync('src/**/*.ts'),
    outdir: 'dist',
    bundle: true,
    packages: 'external',
    metafile: true,
    write: false,
    format: 'esm',
    platform: 'node',
  })
  const edges = Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
    imports.map(({ kind, path }) => ({ from, to: path, dynamic: kind === 'dynamic-import' })),
  )
  const doors = [...entries.map(path => relative('.', path)), ...edges.flatMap(edge => (edge.dynamic ? [edge.to] : []))]
  const reaching = new Set(Object.keys(metafile.inputs).filter(path => groups.some(([, files]) => files.test(path))))
  for (const reached of reaching)
    for (const { from, to, dynamic } of edges) if (to === reached && !dynamic) reaching.add(from)
  const rest = Object.keys(metafile.inputs)
    .filter(path => !reaching.has(path) && !doors.includes(path))
    .map(path => `./${path}`)
  const own = new Map(
    groups.map(([name, files]) => [
      `group:${name}`,
      Object.keys(metafile.inputs)
        .filter(path => files.test(path))
        .map(path => `./${path}`),
    ]),
  )
  // One that needs nothing shares nothing: an app's bundler need not cut its chunk in two for it.
  const wide = doors.filter(
    door => !apart.includes(door) && edges.some(({ from, dynamic }) => from === door && !dynamic),
  )
  return { wide, rest, own }
}

/** Finds the code that cannot be loaded without a group, though it is of no group and no entry. */
function leaks(groups: readonly Group[], { outputs }: Metafile): string[] {
  const code = Object.entries(outputs).map(([path, { inputs, imports, entryPoint }]) => ({
    path,
    isEntry: entryPoint !== undefined,
    sources: Object.keys(inputs).filter(input => (inputs[input]?.bytesInOutput ?? 0) > 0),
    imports: imports.flatMap(({ kind, path }) => (kind === 'import-statement' ? [path] : [])),
  }))
  return groups.flatMap(([name, files]) => {
    const held = code.filter(({ sources }) => sources.some(source => files.test(source))).map(({ path }) => path)
    return code
      .filter(
        ({ path, isEntry, imports }) => !isEntry && (held.includes(path) || imports.some(to => held.includes(to))),
      )
      .map(({ sources }) => sources.filter(source => !groups.some(([, files]) => files.test(source))))
      .filter(sources => sources.length > 0)
      .map(sources => `'${name}' cannot be left out, since these need it: ${sources.join(', ')}`)
  })
}

/** Writes the licence texts of what is compiled in to dist/THIRD-PARTY-LICENSES. */
function licences(): Plugin {
  return {
    name: 'licences',
    setup(build) {
      build.onEnd(({ metafile }) => {
        const folders = Object.keys(metafile?.inputs ?? {}).flatMap(
          path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
        )
        const texts = [...new Set(folders)].map(folder => {
          const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
          const [file] = globSync(`${folder}/{LICENSE,LICENCE,license}*`)
          if (file === undefined) throw new Error(`${name} is compiled in, but has no licence text`)
          return `${name} ${version}\n\n${readFileSync(file, 'utf8').trim()}\n`
        })
        if (texts.length === 0) return
        mkdirSync('dist', { recursive: true })
        writeFileSync('dist/THIRD-PARTY-LICENSES', texts.join(`\n${'-'.repeat(80)}\n\n`))
      })
    },
  }
}
