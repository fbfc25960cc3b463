import { transfers } from './bad-link.ts'

transfers(251, 500)
