import { transfers } from './bad-link.ts'

transfers(751, 1000)
