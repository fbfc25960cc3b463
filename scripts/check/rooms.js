/**
 * Who may import whom: the one table that ESLint (by file) and dependency-cruiser (over the whole graph) enforce. A room is a
 * folder of `src`, or of the top level. It may import itself and the rooms listed, nothing else of this project.
 *
 * - `deterministic`: a run must not depend on anything here but scenario, seed and interventions.
 * - `packages`: packages of the registry that it may import; absent: any, except for those which `PACKAGE_DOORS` reserves.
 *
 * @typedef {{ folder: string, may: readonly string[], deterministic?: true, packages?: readonly string[], node?: true }} Room
 * @type {Readonly<Record<string, Room>>}
 */
export const ROOMS = {
  wire: { folder: 'src/wire', may: [], deterministic: true, packages: [] },
  crypto: { folder: 'src/crypto', may: [], deterministic: true, packages: ['@noble/'] },
  protocols: { folder: 'src/protocols', may: ['wire', 'crypto'], deterministic: true, packages: ['fflate'] },
  kernel: { folder: 'src/kernel', may: ['scenario'], deterministic: true, packages: [] },
  host: { folder: 'src/host', may: ['wire', 'crypto', 'protocols', 'kernel', 'scenario'], deterministic: true, packages: [] },
  apps: {
    folder: 'src/apps',
    may: ['wire', 'crypto', 'protocols', 'host', 'kernel', 'scenario'],
    deterministic: true,
    packages: ['@bufbuild/protobuf', 'graphql', 'dataloader'],
  },
  trace: { folder: 'src/trace', may: ['wire', 'crypto', 'kernel', 'scenario'] },
  scenario: { folder: 'src/scenario', may: ['wire', 'kernel', 'trace'] },
  run: { folder: 'src/run', may: ['wire', 'crypto', 'protocols', 'kernel', 'host', 'apps', 'trace', 'scenario'] },
  cli: { folder: 'src/cli', may: ['wire', 'kernel', 'trace', 'scenario', 'run', 'scenarios'], node: true },
  workers: { folder: 'workers', may: ['kernel', 'host', 'apps', 'trace', 'scenario', 'run'] },
  components: { folder: 'components', may: ['run', 'trace', 'scenario', 'scenarios'] },
  scenarios: { folder: 'scenarios', may: ['trace', 'scenario'] },
}

/** A protocol's folder imports no other protocol's, with these exceptions. Files beside the folders are for all of them. */
export const SIBLINGS = {
  tls: ['x509'],
  tcp: ['congestion'],
  quic: ['tls', 'congestion'],
  http3: ['quic'],
}

/** Packages that have one door into the house. */
export const PACKAGE_DOORS = {
  'pixi.js': 'components/packet-stage',
  lit: 'components',
  '@lit/context': 'components',
  '@lit/task': 'components',
  'lucide-static': 'components',
  uplot: 'components/packet-chart',
  commander: 'src/cli',
}

/** Single files that are open to rooms which may not import their neighbours. */
export const OPEN_FILES = {
  // What the inspector shows, an interface and no code; and how an address is written.
  components: ['src/wire/field.ts', 'src/wire/address.ts'],
  // A host's TCP settings are checked against TCP's defaults.
  scenario: ['src/protocols/tcp/config.ts'],
}
