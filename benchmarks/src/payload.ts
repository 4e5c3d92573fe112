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

/** A value of any size. */
export const Sized = Type.Object({ id: Type.Integer(), pad: Type.Optional(Type.String()) })

/** What goes over the wire: numbered, so that what is lost or doubled shows. */
export interface Value {
  readonly id: number
}

/** So that ids have nine digits, and all messages the same size. */
export const FIRST_ID = 100_000_000

/** What rows send: 120 bytes of JSON, whatever the id. */
export function reading(sequence: number): Reading {
  return {
    id: FIRST_ID + sequence,
    name: 'thermometer in the kitchen, by the door',
    celsius: 21.512345,
    ok: true,
    unit: 'degrees celsius',
  }
}

/** Makes values of the row's size in bytes of JSON; 16 is the smallest. */
export function valuesOf({ size }: { readonly size?: number | undefined }): (sequence: number) => Value {
  if (size === undefined) return reading
  const pad = 'x'.repeat(Math.max(0, size - `{"id":${FIRST_ID},"pad":""}`.length))
  return sequence => (pad === '' ? { id: FIRST_ID + sequence } : { id: FIRST_ID + sequence, pad })
}
