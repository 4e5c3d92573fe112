import Type from 'typebox'
import { describe, expect, it } from 'vitest'
import { checked } from '../../src/contracts/typebox.ts'

const invalid = (path: string) =>
  expect.objectContaining({ code: 'INVALID_MESSAGE', message: expect.stringContaining(path) })

describe('a message going out', () => {
  const shape = checked(
    Type.Object({ a: Type.Integer({ default: 7 }), b: Type.Optional(Type.Object({ c: Type.Number() })) }),
  )

  it('gets the defaults', () => expect(shape.outgoing({})).toEqual({ a: 7 }))
  it('loses what its schema does not name, at every depth', () =>
    expect(shape.outgoing({ a: 1, x: 2, b: { c: 3, y: 4 } })).toEqual({ a: 1, b: { c: 3 } }))
  it('is not altered itself', () => {
    const message = Object.freeze({ x: 2, b: Object.freeze({ c: 3, y: 4 }) })
    shape.outgoing(message)
    expect(message).toEqual({ x: 2, b: { c: 3, y: 4 } })
  })
  it('is not even copied if nothing changes', () => {
    const message = { a: 1, b: { c: 3 } }
    expect(shape.outgoing(message)).toBe(message)
  })
  it('is refused with the path of the fault', () => {
    expect(() => shape.outgoing({ a: 1, b: { c: 'x' } })).toThrow(invalid('/b/c'))
    expect(() => shape.outgoing({ a: 1.5 })).toThrow(invalid('/a'))
    expect(() => shape.outgoing({ a: Number.NaN })).toThrow(invalid('/a'))
    expect(() => shape.outgoing(null)).toThrow(invalid('/'))
  })
  it('is not converted', () => expect(() => shape.outgoing({ a: '-3' })).toThrow(invalid('/a')))
  it('keeps what its schema allows beside', () => {
    const open = checked(Type.Object({ a: Type.Number() }, { additionalProperties: true }))
    expect(open.outgoing({ a: 1, x: 2 })).toEqual({ a: 1, x: 2 })
  })
  it('leaves out what is undefined', () =>
    expect(Object.keys(shape.outgoing({ a: 1, b: undefined }) as object)).toEqual(['a']))
  it('gets a default of its own each time', () => {
    const list = checked(Type.Object({ tags: Type.Array(Type.String(), { default: [] }) }))
    const [a, b] = [list.outgoing({}), list.outgoing({})] as { tags: string[] }[]
    a?.tags.push('x')
    expect(b?.tags).toEqual([])
  })
})

describe('a message coming in', () => {
  const shape = checked(
    Type.Object({
      n: Type.Integer(),
      f: Type.Optional(Type.Number()),
      list: Type.Optional(Type.Array(Type.Integer())),
      text: Type.Optional(Type.String()),
      flag: Type.Optional(Type.Boolean()),
      either: Type.Optional(Type.Union([Type.Integer(), Type.Boolean()])),
      speed: Type.Optional(Type.Number({ default: 1 })),
      map: Type.Optional(Type.Record(Type.String(), Type.Integer())),
      pair: Type.Optional(Type.Tuple([Type.Integer(), Type.String()])),
    }),
  )
  const through = (fields: object) => shape.incoming({ n: 1, speed: 1, ...fields })

  it('keeps fields that its schema does not name', () => expect(through({ x: 2 })).toMatchObject({ x: 2 }))
  it('gets the defaults', () => expect(shape.incoming({ n: 1 })).toEqual({ n: 1, speed: 1 }))
  it('has its decimal strings read as numbers where numbers are expected', () => {
    expect(
      through({ n: '-3', f: '-2.5', list: ['-1', 2], text: '-3', either: '-4', map: { a: '-5' }, pair: ['-6', '-7'] }),
    ).toMatchObject({ n: -3, f: -2.5, list: [-1, 2], text: '-3', either: -4, map: { a: -5 }, pair: [-6, '-7'] })
  })
  it.each(['3.7', '', ' 3', '03', '0x10', '1e3', '9007199254740993', '-0', 'Infinity', 'NaN'])(
    'is refused if the string is %j, no canonical integer',
    n => expect(() => through({ n })).toThrow(invalid('/n')),
  )
  it.each([{ n: 3.7 }, { n: true }, { n: null }, { n: [1] }, { flag: 1 }, { flag: 'true' }, { text: 5 }])(
    'is not converted otherwise: %j',
    fields => expect(() => through(fields)).toThrow(invalid('/')),
  )
  it('is not harmed by a prototype in disguise', () => {
    const message = JSON.parse('{"n":"-1","__proto__":{"polluted":true}}')
    const read = shape.incoming(message) as { n: number; polluted?: boolean }
    expect(read.n).toBe(-1)
    expect(read.polluted).toBeUndefined()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('schemas that refer to themselves or to others', () => {
  const Tree = Type.Cyclic(
    { Node: Type.Object({ v: Type.Integer({ default: 0 }), kids: Type.Optional(Type.Array(Type.Ref('Node'))) }) },
    'Node',
  )
  it('are followed', () => {
    const shape = checked(Tree)
    expect(shape.outgoing({ kids: [{ v: 1, x: 1 }, {}] })).toEqual({ v: 0, kids: [{ v: 1 }, { v: 0 }] })
    expect(shape.incoming({ v: '-1', kids: [{ v: '-2' }] })).toEqual({ v: -1, kids: [{ v: -2 }] })
  })
  it('survive being nested too deep', () => {
    let tree: { v: number; kids?: unknown[] } = { v: 0 }
    for (let i = 0; i < 100_000; i++) tree = { v: 0, kids: [tree] }
    expect(() => checked(Tree).incoming(tree)).toThrow()
  })
})

describe('intersections and unions', () => {
  it('of objects know all of their fields', () => {
    const shape = checked(Type.Intersect([Type.Object({ a: Type.Integer() }), Type.Object({ b: Type.Integer() })]))
    expect(shape.outgoing({ a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2 })
    expect(shape.incoming({ a: '-1', b: 2 })).toEqual({ a: -1, b: 2 })
  })
  it('take the first branch that fits', () => {
    const shape = checked(
      Type.Union([
        Type.Object({ kind: Type.Literal('a'), n: Type.Integer() }),
        Type.Object({ kind: Type.Literal('b'), s: Type.String({ default: 'x' }) }),
      ]),
    )
    expect(shape.outgoing({ kind: 'b', n: 1 })).toEqual({ kind: 'b', s: 'x' })
    expect(shape.incoming({ kind: 'a', n: '-1' })).toEqual({ kind: 'a', n: -1 })
  })
})
