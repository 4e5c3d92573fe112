import { action, rpc } from '@commlib/core'
import Type from 'typebox'

const zero = Type.With(Type.Integer(), { default: 0 })

/** `Pose` of the peers. */
export const pose = Type.Object({ name: Type.String(), x: Type.Number(), count: Type.Integer() })

/** `Add` of the peers. */
export function addOf(name: string) {
  return rpc(name, { request: Type.Object({ a: zero, b: zero }), response: Type.Object({ c: Type.Integer() }) })
}

/** `Move` of the peers. */
export function moveOf(name: string) {
  return action(name, {
    goal: Type.Object({ target: Type.Integer() }),
    feedback: Type.Object({ at: Type.Integer() }),
    result: Type.Object({ reached: Type.Integer() }),
  })
}

/** A promise, and what settles it. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>(resolve => (open = resolve))
  return { opened, open: value => open(value) }
}

/** The first `count` values of what hands them over one by one. */
export function collect<T>(count: number): { readonly all: Promise<readonly T[]>; add(value: T): void } {
  const values: T[] = []
  const { opened, open } = gate<readonly T[]>()
  return {
    all: opened,
    add: value => {
      values.push(value)
      if (values.length === count) open(values)
    },
  }
}
