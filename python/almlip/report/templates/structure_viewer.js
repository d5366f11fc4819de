// Draws the structure of a point of the map: atoms, bonds, edges of the cell.
(function () {
  const map = document.getElementById("structure-map");
  const viewer = document.getElementById("structure-viewer");
  const caption = document.getElementById("structure-caption");
  const bare = { visible: false };
  const layout = {
    margin: { l: 0, r: 0, t: 0, b: 0 }, height: 390, showlegend: true, legend: { x: 0, y: 1 },
    scene: { xaxis: bare, yaxis: bare, zaxis: bare, aspectmode: "data", camera: { projection: { type: "orthographic" } } }
  };

  // Joins pairs of points [from, to] to one line with gaps.
  function line(pairs, name, colour, width) {
    const trace = { type: "scatter3d", mode: "lines", x: [], y: [], z: [], name: name, hoverinfo: "skip",
                    showlegend: false, line: { color: colour, width: width } };
    for (const pair of pairs)
      for (const point of [...pair, [null, null, null]])
        ["x", "y", "z"].forEach((axis, d) => trace[axis].push(point[d]));
    return trace;
  }

  function bonds(symbols, positions, elements) {
    const found = [];
    for (let i = 0; i < positions.length; ++i)
      for (let j = i + 1; j < positions.length; ++j) {
        const reach = 1.2 * (elements[symbols[i]].radius + elements[symbols[j]].radius);
        const apart = Math.hypot(...positions[i].map((x, d) => x - positions[j][d]));
        if (apart < reach) found.push([positions[i], positions[j]]);
      }
    return found;
  }

  function edges(cell) {
    const corner = (u, v, w) => [0, 1, 2].map(d => u * cell[0][d] + v * cell[1][d] + w * cell[2][d]);
    const found = [];
    for (const a of [0, 1])
      for (const b of [0, 1])
        found.push([corner(0, a, b), corner(1, a, b)], [corner(a, 0, b), corner(a, 1, b)], [corner(a, b, 0), corner(a, b, 1)]);
    return found;
  }

  function atoms(symbol, structure, look) {
    const mine = structure.positions.filter((_, i) => structure.symbols[i] === symbol);
    return { type: "scatter3d", mode: "markers", name: symbol, x: mine.map(p => p[0]), y: mine.map(p => p[1]),
             z: mine.map(p => p[2]), hoverinfo: "name",
             marker: { size: 14 * Math.sqrt(look.radius), color: look.colour, line: { color: "#555", width: 1 } } };
  }

  function show(number) {
    const structure = STRUCTURES.structures[number];
    const link = document.createElement("a");
    link.href = structure.file;
    link.textContent = structure.file;
    caption.replaceChildren(structure.text + ": frame " + structure.index + " of ", link);
    if (!structure.positions) { Plotly.purge(viewer); return; }
    const traces = [line(bonds(structure.symbols, structure.positions, STRUCTURES.elements), "bonds", "#999", 4)];
    if (structure.cell) traces.push(line(edges(structure.cell), "cell", "#333", 1.5));
    for (const symbol of new Set(structure.symbols))
      traces.push(atoms(symbol, structure, STRUCTURES.elements[symbol]));
    Plotly.react(viewer, traces, layout, { displaylogo: false, responsive: true });
  }

  map.on("plotly_click", event => show(event.points[0].customdata));
  window.showStructure = show;
  show(STRUCTURES.first);
})();
