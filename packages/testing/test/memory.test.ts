import { memory } from '@commlib/core'
import { testTransport } from '../src/index.ts'

testTransport({ name: 'memory', create: () => memory('compliance') })
