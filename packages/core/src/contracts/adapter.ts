import { Check } from 'typebox/schema'

/** Returns its argument if there is nothing to change, a changed copy otherwise; never alters its argument. */
export type Adapt = (value: unknown) => unknown

export interface AdapterOptions {
  /** Fills in what the schema has a default for. */
  readonly defaults?: boolean

  /** Cuts object fields that the schema does not name. */
  readonly prune?: boolean

  /** Turns canonical decimal strings into safe numbers where the schema says number or integer. */
  readonly numerals?: boolean
}

/** The JSON Schema keywords that matter here. */
interface Node {
  readonly type?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean | Node
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly items?: Node | readonly Node[]
  readonly prefixItems?: readonly Node[]
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly allOf?: readonly Node[]
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Node>>
}

/** Compiles a schema into what it changes in a value, or `undefined` if it never changes any. */
export function adapter(schema: unknown, options: AdapterOptions): Adapt | undefined {
  // A schema is JSON by contract; only keywords that are there are read.
  return new Compiler(options).compile(schema as Node)
}

class Compiler {
  readonly #options: AdapterOptions
  readonly #definitions = new Map<string, Node>()
  readonly #references = new Map<string, Adapt | undefined>()

  /** What unions have made of the objects of the value that is being adapted. */
  readonly #made: Array<Map<unknown, unknown>> = []
  #depth = 0

  constructor(options: AdapterOptions) {
    this.#options = options
  }

  compile(node: Node): Adapt | undefined {
    if (typeof node !== 'object' || node === null) return undefined
    for (const [name, definition] of Object.entries(node.$defs ?? {})) this.#definitions.set(name, definition)
    if (node.$ref !== undefined) return this.#reference(node.$ref)
    const branches = node.anyOf ?? node.oneOf
    if (branches !== undefined) return this.#union(branches)
    if (node.allOf !== undefined) return this.#intersection(node.allOf)
    if (node.properties !== undefined || node.patternProperties !== undefined) return this.#object(node)
    if (node.type === 'array' || node.items !== undefined || node.prefixItems !== undefined) return this.#array(node)
    if (this.#options.numerals && (node.type === 'number' || node.type === 'integer')) return numeral(node.type)
    return undefined
  }

  /** Recursive schemas refer to themselves, so what a reference does is looked up when it is first used. */
  #reference(name: string): Adapt {
    const key = name.replace(/^#\/\$defs\//, '')
    return value => {
      if (!this.#references.has(key)) {
        const definition = this.#definitions.get(key)
        this.#references.set(key, definition === undefined ? undefined : this.compile(definition))
      }
      const adapt = this.#references.get(key)
      return adapt === undefined ? value : adapt(value)
    }
  }

  #union(branches: readonly Node[]): Adapt | undefined {
    const adapts = branches.map(branch => this.compile(branch))
    if (adapts.every(adapt => adapt === undefined)) return undefined
    const context = Object.fromEntries(this.#definitions)
    const fits = (branch: Node, value: unknown) => Check(context, branch, value)
    const choose = (value: unknown) => {
      for (const [i, branch] of branches.entries()) {
        const adapted = adapts[i]?.(value) ?? value
        if (fits(branch, adapted)) return adapted
      }
      return value
    }
    // Branches that share a recursive field would try what is below it once each, and so again on every level.
    const made = new Map<unknown, unknown>()
    this.#made.push(made)
    return value => {
      if (made.has(value)) return made.get(value)
      this.#depth++
      try {
        const chosen = choose(value)
        made.set(value, chosen)
        return chosen
      } finally {
        if (--this.#depth === 0) for (const each of this.#made) each.clear()
      }
    }
  }

  #intersection(parts: readonly Node[]): Adapt | undefined {
    // Each part knows only its own fields, so cutting needs them as one object.
    if (parts.every(part => part.properties !== undefined)) {
      return this.#object({
        properties: Object.assign({}, ...parts.map(part => part.properties)),
        ...(parts.some(part => part.additionalProperties) ? { additionalProperties: true } : {}),
      })
    }
    const kept = new Compiler({ ...this.#options, prune: false })
    const adapts = parts.map(part => kept.compile(part)).filter(adapt => adapt !== undefined)
    return adapts.length === 0 ? undefined : value => adapts.reduce((done, adapt) => adapt(done), value)
  }

  #object(node: Node): Adapt | undefined {
    const known = new Map(Object.entries(node.properties ?? {}))
    const fields = Array.from(known, ([key, property]) => ({
      key,
      adapt: this.compile(property),
      fallback: this.#options.defaults && Object.hasOwn(property, 'default') ? property.default : undefined,
    })).filter(({ adapt, fallback }) => adapt !== undefined || fallback !== undefined)
    const patterns = Object.entries(node.patternProperties ?? {}).map(([pattern, property]) => ({
      pattern: new RegExp(pattern),
      adapt: this.compile(property),
    }))
    const rest = typeof node.additionalProperties === 'object' ? this.compile(node.additionalProperties) : undefined
    const prune = this.#options.prune === true && !node.additionalProperties && patterns.length === 0
    const others = rest !== undefined || patterns.some(({ adapt }) => adapt !== undefined)
    if (fields.length === 0 && !prune && !others) return undefined

    return value => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
      const source = value as Record<string, unknown>
      let result = source
      const set = (key: string, next: unknown) => {
        if (result === source) result = { ...source }
        result[key] = next
      }
      if (prune) {
        for (const key in source) {
          if (known.has(key) && source[key] !== undefined) continue
          if (result === source) result = { ...source }
          delete result[key]
        }
      }
      for (const { key, adapt, fallback } of fields) {
        const field = Object.hasOwn(result, key) ? result[key] : undefined
        if (field === undefined) {
          if (fallback !== undefined) set(key, typeof fallback === 'object' ? structuredClone(fallback) : fallback)
        } else if (adapt !== undefined) {
          const adapted = adapt(field)
          if (adapted !== field) set(key, adapted)
        }
      }
      if (others) {
        for (const key of Object.keys(result)) {
          if (known.has(key) || key === '__proto__') continue
          const adapt = patterns.find(({ pattern }) => pattern.test(key))?.adapt ?? rest
          const adapted = adapt === undefined ? result[key] : adapt(result[key])
          if (adapted !== result[key]) set(key, adapted)
        }
      }
      return result
    }
  }

  #array(node: Node): Adapt | undefined {
    const first = node.prefixItems ?? (Array.isArray(node.items) ? node.items : [])
    const tuple = first.map(item => this.compile(item))
    const rest = Array.isArray(node.items) ? undefined : this.compile(node.items as Node)
    if (rest === undefined && tuple.every(adapt => adapt === undefined)) return undefined
    return value => {
      if (!Array.isArray(value)) return value
      let result = value
      for (let i = 0; i < value.length; i++) {
        const adapt = i < tuple.length ? tuple[i] : rest
        if (adapt === undefined) continue
        const adapted = adapt(value[i])
        if (adapted === value[i]) continue
        if (result === value) result = value.slice()
        result[i] = adapted
      }
      return result
    }
  }
}

function numeral(type: 'number' | 'integer'): Adapt {
  return value => {
    if (typeof value !== 'string') return value
    const number = Number(value)
    const safe = type === 'integer' ? Number.isSafeInteger(number) : Number.isFinite(number)
    return safe && String(number) === value ? number : value
  }
}
