// A model on ONNX Runtime's CPU provider, or its WebAssembly: floats are random numbers from -1 to 1, integers 0.
//
//   node onnxruntime.js FILE.onnx BATCH THREADS [PACKAGE]      (npm: onnxruntime-node or onnxruntime-web; found beside
//                                                              the script or in NODE_PATH)
//
// A file whose batch is fixed runs as often as a batch takes.
//
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS CPU",
// CPU being the least processor time of a run.
'use strict';
const web = process.argv[5] === 'onnxruntime-web';
const ort = require(web ? 'onnxruntime-web' : 'onnxruntime-node');

// feedOf returns values for all inputs, and how many runs a batch takes.
function feedOf(session, batch) {
  const feed = {};
  let runs = 1;
  for (const {name, type, shape} of session.inputMetadata) {
    const dims = shape.map((d, i) => (typeof d === 'number' && d > 0 ? d : i === 0 ? batch : NaN));
    if (dims.some(Number.isNaN)) throw new Error(`input ${name} of ${shape}: a dimension that is not fixed`);
    if (dims.length > 0 && dims[0] !== batch) {
      if (batch % dims[0] !== 0) throw new Error(`the file's batch is ${dims[0]}`);
      runs = batch / dims[0];
    }
    const n = dims.reduce((a, d) => a * d, 1);
    let data = Float32Array.from({length: n}, () => 2 * Math.random() - 1);
    if (type === 'int64') data = new BigInt64Array(n);
    if (type === 'int32') data = new Int32Array(n);
    feed[name] = new ort.Tensor(type, data, dims);
  }
  return {feed, runs};
}

async function main(file, batch, threads) {
  if (web) ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(file, {
    executionProviders: [web ? 'wasm' : 'cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
    intraOpNumThreads: threads,
  });
  const {feed, runs} = feedOf(session, batch);
  const run = async () => {
    for (let i = 0; i < runs; i++) await session.run(feed);
  };
  for (let i = 0; i < 3; i++) await run();
  const {versions} = ort.env;
  console.log(`ready ONNX Runtime ${web ? `Web ${versions.web}` : versions.node}`);
  for await (const line of require('readline').createInterface({input: process.stdin})) {
    const times = [];
    let least = Infinity; // of processor time, by all of the process's threads
    const begin = performance.now();
    let at = begin;
    do {
      const used = process.cpuUsage();
      await run();
      const {user, system} = process.cpuUsage(used);
      least = Math.min(least, (user + system) / 1e3);
      const end = performance.now();
      times.push(end - at);
      at = end;
    } while (at - begin < 1e3 * Number(line));
    times.sort((a, b) => a - b);
    console.log(`${times[(times.length - 1) >> 1].toFixed(6)} ${times.length} ${least.toFixed(6)}`);
  }
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4])).catch((e) => {
  console.error(String(e));
  process.exit(1);
});
