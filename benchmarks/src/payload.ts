import Type, { type Static } from 'typebox'

/** A flat object of five fields, with the bounds that a careful author would give it. */
export const Reading = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  celsius: Type.Number(),
  ok: Type.Boolean(),
  unit: Type.String(),
})

export type Reading = Static<typeof Reading>

/** What every row sends: 119 bytes of JSON, whatever the id. */
export function reading(sequence: number): Reading {
  return {
    id: FIRST_ID + sequence,
    name: 'thermometer in the kitchen, by the door',
    celsius: 21.512345,
    ok: true,
    unit: 'degrees celsius',
  }
}

/** So that ids have eight digits, and all messages the same size. */
export const FIRST_ID = 10_000_000
