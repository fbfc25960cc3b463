import { transfers } from './bad-link.ts'

transfers(501, 750)
