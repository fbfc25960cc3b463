/** A worker's first message: its script has been loaded and is listening. A worker that was refused never says so. */
export const READY = 'packetarium-ready'
