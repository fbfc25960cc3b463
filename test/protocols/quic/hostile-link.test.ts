import { transfers } from './bad-link.ts'

transfers(1, 250)
