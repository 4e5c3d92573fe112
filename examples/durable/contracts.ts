import { topic } from '@commlib/core'
import Type from 'typebox'

/** Reliable: a publish resolves when the broker has it, and a subscriber acknowledges after its handler. */
export const Order = topic('kitchen.orders', Type.Object({ number: Type.Integer(), dish: Type.String() }), {
  reliable: true,
})

/** Latched: who subscribes later gets the last one at once. */
export const Menu = topic('kitchen.menu', Type.Object({ dishes: Type.Array(Type.String()) }), { latched: true })
