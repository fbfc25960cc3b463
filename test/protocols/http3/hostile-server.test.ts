import { assaults } from './assault.ts'

assaults(false)
