import { topic } from '@commlib/core'
import Type from 'typebox'

export const Temperature = topic('kitchen.temperature', Type.Object({ celsius: Type.Number() }))
