import { assaults } from './assault.ts'

assaults(true)
