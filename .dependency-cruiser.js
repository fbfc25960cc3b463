import { OPEN_FILES, PACKAGE_DOORS, ROOMS, SIBLINGS } from './scripts/check/rooms.js'

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const inFolders = (folders) => `^(${folders.map(escape).join('|')})/`
const folders = Object.values(ROOMS).map(({ folder }) => folder)

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', comment: 'No cycles, not even of types.', from: {}, to: { circular: true } },
    {
      name: 'no-missing-files',
      severity: 'error',
      comment: 'What is imported exists.',
      from: {},
      to: { couldNotResolve: true, pathNot: '^worker(-code)?:' },
    },
    ...Object.entries(ROOMS).map(([name, { folder, may }]) => ({
      name: `doors-of-${name}`,
      severity: 'error',
      comment: `${folder} imports itself${may.map((room) => `, ${ROOMS[room].folder}`).join('')} and nothing else of this project.`,
      from: { path: inFolders([folder]), pathNot: name === 'scenarios' ? '^scenarios/site/' : [] },
      to: {
        path: inFolders([...folders, 'scripts', 'test']),
        pathNot: [
          inFolders([folder, ...may.map((room) => ROOMS[room].folder)]),
          ...(OPEN_FILES[name] ?? []).map((file) => `^${escape(file)}$`),
        ],
      },
    })),
    {
      name: 'protocols-stand-alone',
      severity: 'error',
      comment: 'A protocol imports no other, but for the siblings declared in scripts/check/rooms.js.',
      from: { path: '^src/protocols/([^/]+)/', pathNot: inFolders(Object.keys(SIBLINGS).map((name) => `src/protocols/${name}`)) },
      to: { path: '^src/protocols/[^/]+/', pathNot: '^src/protocols/$1/' },
    },
    ...Object.entries(SIBLINGS).map(([name, siblings]) => ({
      name: `siblings-of-${name}`,
      severity: 'error',
      comment: `${name} may build on ${siblings.join(', ')}.`,
      from: { path: `^src/protocols/${name}/` },
      to: { path: '^src/protocols/[^/]+/', pathNot: inFolders([name, ...siblings].map((sibling) => `src/protocols/${sibling}`)) },
    })),
    ...Object.entries(PACKAGE_DOORS).map(([name, door]) => ({
      name: `door-of-${name}`,
      severity: 'error',
      comment: `${name} comes in by ${door} only.`,
      from: { path: '^(src|workers|components|scenarios)/', pathNot: [inFolders([door]), '^scenarios/site/'] },
      to: { path: `(^|node_modules/)${escape(name)}(/|$)` },
    })),
    {
      name: 'node-in-cli-and-tests',
      severity: 'error',
      comment: "Node's API lives in src/cli and tests.",
      from: { path: '^(src|workers|components|scenarios)/', pathNot: '^(src/cli|scenarios/site)/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'browser', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
}
