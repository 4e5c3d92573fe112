import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { buildSync, type Metafile, type Plugin } from 'esbuild'
import { defineConfig } from 'tsup'

/** What one package adds to the build that all share. */
export interface LibraryOptions {
  /**
   * Source files that get chunks of their own, by the group's name: an app's bundler drops such a chunk whole when
   * the app uses nothing of it, and the bundler's metafile shows that it did. The build fails when a group
   * shares a chunk with code of other files.
   */
  readonly chunks?: Readonly<Record<string, RegExp>> | undefined
  /** Imports that are compiled in, their licence texts with them, instead of being left to the dependency. */
  readonly bundled?: readonly RegExp[] | undefined
}

/** A group's name and its source files. */
type Group = readonly [name: string, files: RegExp]

/** Makes the tsup configuration of the package in the working directory, whose entries are the `exports` of its package.json. */
export function library({ chunks = {}, bundled = [] }: LibraryOptions = {}) {
  const entry = entriesOf(JSON.parse(readFileSync('package.json', 'utf8')))
  const groups = Object.entries(chunks)
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
    esbuildPlugins: [groupsApart(groups), licences()],
    esbuildOptions: build => {
      build.sourcesContent = true
      // esbuild makes a chunk of the files that the same entries reach. An entry that reaches all that does not need a
      // group tells the two apart; its own output is thrown away.
      if (groups.length > 0)
        build.stdin = { contents: withoutGroups(groups, Object.values(entry)), resolveDir: process.cwd() }
    },
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

/** Writes the imports of all source files, other than entries, that reach none of the groups. */
function withoutGroups(groups: readonly Group[], entries: readonly string[]): string {
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
  const reaching = new Set(Object.keys(metafile.inputs).filter(path => groups.some(([, files]) => files.test(path))))
  for (const reached of reaching)
    for (const [path, { imports }] of Object.entries(metafile.inputs))
      if (imports.some(({ path }) => path === reached)) reaching.add(path)
  const rest = Object.keys(metafile.inputs).filter(path => !reaching.has(path) && !entries.includes(`./${path}`))
  return rest.map(path => `import './${path}'`).join('\n')
}

/** Fails when a group shares a chunk with other files, and drops what nobody needs of the output. */
function groupsApart(groups: readonly Group[]): Plugin {
  return {
    name: 'groups-apart',
    setup(build) {
      build.onEnd(({ metafile, outputFiles, errors }) => {
        if (errors.length > 0 || metafile === undefined) return
        const outputs = Object.entries(metafile.outputs)
        // A source map of what is compiled in would be larger than all of the package.
        const foreign = outputs.filter(([, { inputs }]) =>
          Object.keys(inputs).some(path => path.includes('node_modules/')),
        )
        const dropped = [...foreign.map(([path]) => `${path}.map`), 'dist/stdin.js', 'dist/stdin.js.map']
        for (const path of dropped) {
          delete metafile.outputs[path]
          const index = outputFiles?.findIndex(file => file.path === resolve(path)) ?? -1
          if (index >= 0) outputFiles?.splice(index, 1)
        }
        return { errors: groups.flatMap(group => mixed(group, metafile)).map(text => ({ text })) }
      })
    },
  }
}

function mixed([name, files]: Group, metafile: Metafile): string[] {
  return Object.values(metafile.outputs).flatMap(({ inputs }) => {
    const used = Object.keys(inputs).filter(input => (inputs[input]?.bytesInOutput ?? 0) > 0)
    const others = used.filter(input => !files.test(input))
    if (others.length === 0 || others.length === used.length) return []
    const culprits = Object.entries(metafile.inputs)
      .filter(([path, { imports }]) => !files.test(path) && imports.some(({ path }) => files.test(path)))
      .map(([path]) => path)
    return [
      `'${name}' cannot be left out: it shares a chunk with ${others.join(', ')}; imported by ${culprits.join(', ')}`,
    ]
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
