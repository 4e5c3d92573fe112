import { rpc, topic } from '@commlib/core'
import Type from 'typebox'

const Item = Type.Object({ item: Type.String(), count: Type.Integer({ minimum: 1 }) })

export const Reserve = rpc('stock.reserve', { request: Item, response: Type.Object({ left: Type.Integer() }) })
export const Reorder = rpc('stock.reorder', { request: Item, response: Type.Object({}) })
export const Sold = topic('shop.sold.{item}', Item, { reliable: true })
