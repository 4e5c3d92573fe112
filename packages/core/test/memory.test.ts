import { testTransport } from '@commlib/testing'
import { memory } from '../src/memory/index.ts'

testTransport({ name: 'memory', create: () => memory('compliance') })
