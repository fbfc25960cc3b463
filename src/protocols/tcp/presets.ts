/*
 * What the presets change of the defaults (`DEFAULT_TCP`, the preset `standard`: what RFCs on the standards track ask for, with Linux's
 * numbers where they leave room). `config.ts` checks that these are settings.
 */

/** Linux's defaults, as of 6.x. */
export const LINUX = {
  congestionControl: 'cubic',
  hystart: 'hystart',
  cubicReno: 'rfc8312',
  wholeSegments: true,
  // Linux counts what is acknowledged, without a limit for one acknowledgment.
  slowStartPerAck: 1_000_000,
  ecn: 'passive',
  rack: true,
  tailLossProbe: true,
  dsack: true,
  proportionalRateReduction: true,
  frto: true,
  undo: true,
  synCookies: true,
  // Linux lets clients alone by default; servers have to ask for it here, too.
  fastOpen: true,
} as const

/** Reno as RFC 5681 alone has it: what textbooks teach. No option that later RFCs have added, no help for recovery. */
export const TEXTBOOK = {
  windowScaling: false,
  timestamps: false,
  sack: false,
  minshall: false,
  limitedTransmit: false,
  // Equation 3 of RFC 5681 is the one that textbooks print.
  byteCounting: false,
} as const
