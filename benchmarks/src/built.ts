import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

interface Manifest {
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, { readonly default: string }>> }
}

const packages = new URL('../../packages/', import.meta.url)

// In the workspace a package is its sources; users run what is built of them. Loaded before anything else by `--import`.
registerHooks({
  resolve: (specifier, context, next) => {
    const [, name, path] = /^@commlib\/([^/]+)(\/.+)?$/.exec(specifier) ?? []
    if (name === undefined) return next(specifier, context)
    const root = new URL(`${name}/`, packages)
    const { publishConfig } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Manifest
    const file = publishConfig?.exports?.[`.${path ?? ''}`]?.default
    if (file === undefined) throw new Error(`${specifier} is not published: no publishConfig.exports for it`)
    return { url: new URL(file, root).href, format: 'module', shortCircuit: true }
  },
})
