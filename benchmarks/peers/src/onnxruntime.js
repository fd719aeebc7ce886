// The reference generator, as PyTorch exports it, on ONNX Runtime's CPU provider.
//
//   node onnxruntime.js FILE.onnx BATCH THREADS      (npm: onnxruntime-node; found beside the script or in NODE_PATH)
//
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS".
'use strict';
const ort = require('onnxruntime-node');
const {version} = require('onnxruntime-node/package.json');

async function main(file, batch, threads) {
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
    intraOpNumThreads: threads,
  });
  const z = new ort.Tensor('float32', Float32Array.from({length: batch * 100}, () => 2 * Math.random() - 1), [batch, 100]);
  const run = () => session.run({z});
  for (let i = 0; i < 3; i++) await run();
  console.log(`ready ONNX Runtime ${version}`);
  for await (const line of require('readline').createInterface({input: process.stdin})) {
    const times = [];
    const begin = performance.now();
    let at = begin;
    do {
      await run();
      const end = performance.now();
      times.push(end - at);
      at = end;
    } while (at - begin < 1e3 * Number(line));
    times.sort((a, b) => a - b);
    console.log(`${times[(times.length - 1) >> 1].toFixed(6)} ${times.length}`);
  }
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4])).catch((e) => {
  console.error(String(e));
  process.exit(1);
});
