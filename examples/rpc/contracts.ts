import { rpc } from '@commlib/core'
import Type from 'typebox'

export const Add = rpc('math.add', {
  // What has a default may be left out.
  request: Type.Object({ a: Type.Integer(), b: Type.With(Type.Integer(), { default: 1 }) }),
  response: Type.Object({ sum: Type.Integer() }),
})

export const Divide = rpc('math.divide', {
  request: Type.Object({ a: Type.Number(), b: Type.Number() }),
  response: Type.Object({ quotient: Type.Number() }),
})
