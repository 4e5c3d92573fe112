import { action } from '@commlib/core'
import Type from 'typebox'

export const Brew = action('kitchen.brew', {
  goal: Type.Object({ cups: Type.Integer({ minimum: 1 }) }),
  feedback: Type.Object({ cup: Type.Integer() }),
  result: Type.Object({ cups: Type.Integer() }),
})
