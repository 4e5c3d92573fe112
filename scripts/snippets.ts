import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { root } from './pack.ts'

/** A file to run, and what it must print, where that is known. */
export interface Program {
  readonly name: string
  readonly code: string
  readonly prints?: string | undefined
}

/**
 * The programs on a page of Markdown: each block of `js` is a whole file, and a block of `diff` is a change to the one
 * before it. A block of `text` right after one is what it prints. What is marked `js fragment` is not run.
 */
export function programsOf(page: string): Program[] {
  const path = join(root, page)
  if (!existsSync(path)) return []
  const blocks = readFileSync(path, 'utf8').matchAll(/^```(js|diff)\n(.*?)^```\n(?:\s*```text\n(.*?)^```)?/gms)
  const programs: Program[] = []
  for (const [, language, code = '', prints] of blocks) {
    const name = `${slug(page)}-${programs.length + 1}`
    const before = programs.at(-1)?.code ?? ''
    programs.push({ name, code: language === 'diff' ? patch(before, code, name) : code, prints: prints?.trim() })
  }
  return programs
}

/** Applies a diff of whole lines: what stands in it, kept or removed, must follow in the code in this order. */
function patch(code: string, diff: string, name: string): string {
  const rest = code.split('\n')
  const done: string[] = []
  for (const line of diff.trimEnd().split('\n')) {
    const text = line.slice(1)
    if (line.startsWith('+')) {
      done.push(text)
      continue
    }
    const at = rest.indexOf(text)
    if (at === -1) throw new Error(`${name}: the block before it has no line '${text}' there`)
    done.push(...rest.splice(0, at))
    rest.shift()
    if (!line.startsWith('-')) done.push(text)
  }
  return [...done, ...rest].join('\n')
}

/** `README.md` is `readme`, `packages/mqtt/README.md` `readme-mqtt`, `docs/security.md` `docs-security`. */
function slug(page: string): string {
  const folder = basename(dirname(page))
  const name = basename(page, '.md').toLowerCase()
  if (folder === '.') return name
  return name === 'readme' ? `${name}-${folder}` : `${folder}-${name}`
}
