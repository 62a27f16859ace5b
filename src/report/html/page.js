"use strict";
// Filters, and the drawing of timelines. What is drawn is data of this page: nothing is fetched.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ROW = 24, GAP = 4, TOP = 22, NAMES = 150, LEAST_SPAN_MS = 2;
  const checks = [...document.querySelectorAll(".check")];

  // ---- filters ----
  const [topic, verdict, severity, text] = ["topic", "verdict", "severity", "text"].map((id) => document.getElementById(id));
  const shown = document.getElementById("shown");
  // What is said of a check, and what was written in its experiment.
  const told = (check) => {
    const timeline = check.querySelector("figure")?.dataset.timeline;
    const experiment = timeline && document.getElementById(timeline).closest(".experiment").querySelector(".log");
    return `${check.textContent} ${experiment ? experiment.textContent : ""}`.toLowerCase();
  };
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    let count = 0;
    for (const check of checks) {
      const data = check.dataset;
      const fits =
        (!topic.value || data.topic === topic.value) &&
        (!verdict.value || data.verdict === verdict.value) &&
        (!severity.value || data.severity === severity.value) &&
        (!wanted || told(check).includes(wanted));
      check.hidden = !fits;
      count += fits ? 1 : 0;
    }
    for (const section of document.querySelectorAll("section.topic")) {
      section.hidden = !section.querySelector(".check:not([hidden])");
    }
    shown.textContent = `${count} of ${checks.length} checks`;
  };
  for (const field of [topic, verdict, severity]) field.addEventListener("change", filter);
  text.addEventListener("input", filter);
  filter();

  // ---- timelines ----
  const make = (parent, name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const seconds = (ms) => `${(ms / 1000).toFixed(Math.abs(ms) < 10000 ? 2 : 1)} s`;

  const steps = (span) => {
    const rough = span / 8;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  };

  const draw = (figure) => {
    const shared = JSON.parse(document.getElementById(figure.dataset.timeline).textContent);
    const own = JSON.parse(figure.querySelector("script").textContent);
    const data = { ...shared, lanes: own ? [own, ...shared.lanes] : shared.lanes };
    const told = figure.querySelector(".told");
    const svg = figure.querySelector("svg");
    const whole = [0, Math.max(data.end, 1)];
    let [from, to] = whole;
    let chosen = null; // [lane, item] by index
    let dragFrom = null;

    const say = (lane, item) => {
      const until = item.to === undefined ? "" : ` to ${seconds(item.to)}`;
      told.textContent = `${lane.name}, ${seconds(item.from)}${until}: ${item.text}`;
    };

    const paint = () => {
      const width = Math.max(svg.clientWidth, 320);
      const names = width < 600 ? 84 : NAMES;
      const height = TOP + data.lanes.length * (ROW + GAP) + 4;
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("height", height);
      svg.replaceChildren();
      const x = (ms) => names + ((ms - from) / (to - from)) * (width - names - 8);
      const inside = (ms) => Math.min(Math.max(x(ms), names), width - 8);

      const step = steps(to - from);
      for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
        make(svg, "line", { class: "grid", x1: x(at), x2: x(at), y1: TOP - 4, y2: height });
        make(svg, "text", { class: "tick", x: x(at), y: 13, "text-anchor": "middle" }).textContent = seconds(at);
      }
      for (const shade of data.shades) {
        if (shade.to < from || shade.from > to) continue;
        const left = inside(shade.from);
        const box = make(svg, "rect", { class: "shade", x: left, y: TOP - 4, width: Math.max(inside(shade.to) - left, 2), height: height - TOP + 4 });
        make(box, "title", {}).textContent = shade.text;
      }
      data.lanes.forEach((lane, row) => {
        const y = TOP + row * (ROW + GAP);
        const name = make(svg, "text", { class: "name", x: 4, y: y + 16 });
        const most = Math.floor(names / 7);
        name.textContent = lane.name.length > most ? `${lane.name.slice(0, most - 1)}…` : lane.name;
        make(name, "title", {}).textContent = lane.name;
        lane.items.forEach((item, index) => {
          const end = item.to === undefined ? item.from : item.to;
          if (end < from || item.from > to) return;
          const left = inside(item.from);
          const isPoint = item.to === undefined;
          const shape = isPoint
            ? make(svg, "rect", { class: `item ${item.kind === "idle" ? "point" : item.kind}`, x: left - 2.5, y: y + 2, width: 5, height: ROW - 4, rx: 2 })
            : make(svg, "rect", { class: `item ${item.kind}`, x: left, y, width: Math.max(inside(end) - left, 2), height: ROW, rx: 3 });
          shape.dataset.lane = row;
          shape.dataset.item = index;
          if (chosen && chosen[0] === row && chosen[1] === index) shape.classList.add("chosen");
          const room = inside(end) - left;
          if (!isPoint && item.label && room > item.label.length * 7 + 6) {
            const label = make(svg, "text", { x: left + 5, y: y + 16, "pointer-events": "none" });
            label.textContent = item.label;
          }
        });
      });
      for (const mark of data.marks) {
        if (mark.from < from || mark.from > to) continue;
        const line = make(svg, "line", { class: "mark", x1: x(mark.from), x2: x(mark.from), y1: TOP - 4, y2: height });
        make(line, "title", {}).textContent = mark.text;
      }
      return { at: (event) => from + ((event.clientX - svg.getBoundingClientRect().left - names) / (width - names - 8)) * (to - from), x, height };
    };

    let scale = paint();
    const show = (left, right) => {
      const span = Math.max(right - left, LEAST_SPAN_MS);
      from = Math.min(Math.max(left, whole[0]), whole[1] - Math.min(span, whole[1]));
      to = Math.min(from + span, whole[1]);
      figure.dataset.from = from.toFixed(1);
      figure.dataset.to = to.toFixed(1);
      scale = paint();
    };
    const zoom = (factor) => {
      const item = chosen && data.lanes[chosen[0]].items[chosen[1]];
      const middle = item ? (item.from + (item.to === undefined ? item.from : item.to)) / 2 : (from + to) / 2;
      const span = (to - from) * factor;
      show(middle - span / 2, middle + span / 2);
    };
    const choose = (row, index) => {
      const lane = data.lanes[row];
      if (!lane || !lane.items[index]) return;
      chosen = [row, index];
      const item = lane.items[index];
      say(lane, item);
      const end = item.to === undefined ? item.from : item.to;
      if (end < from || item.from > to) show(item.from - (to - from) / 2, item.from + (to - from) / 2);
      else scale = paint();
    };

    svg.addEventListener("pointermove", (event) => {
      const { lane, item } = event.target.dataset;
      if (dragFrom === null && lane !== undefined) say(data.lanes[lane], data.lanes[lane].items[item]);
      if (dragFrom !== null) {
        svg.querySelector(".drag")?.remove();
        const [left, right] = [dragFrom, scale.at(event)].sort((one, other) => one - other);
        make(svg, "rect", { class: "drag", x: scale.x(left), y: 0, width: Math.max(scale.x(right) - scale.x(left), 0), height: scale.height });
      }
    });
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return;
      dragFrom = scale.at(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointerup", (event) => {
      if (dragFrom === null) return;
      const [left, right] = [dragFrom, scale.at(event)].sort((one, other) => one - other);
      dragFrom = null;
      if (scale.x(right) - scale.x(left) > 5) show(left, right);
      else {
        svg.querySelector(".drag")?.remove();
        const under = document.elementFromPoint(event.clientX, event.clientY);
        if (under?.dataset.lane !== undefined) choose(Number(under.dataset.lane), Number(under.dataset.item));
      }
    });
    svg.addEventListener("dblclick", () => show(...whole));
    svg.addEventListener("keydown", (event) => {
      const [row, index] = chosen ?? [0, -1];
      const keys = {
        ArrowRight: () => choose(row, index + 1),
        ArrowLeft: () => choose(row, Math.max(index - 1, 0)),
        ArrowDown: () => choose(Math.min(row + 1, data.lanes.length - 1), 0),
        ArrowUp: () => choose(Math.max(row - 1, 0), 0),
        "+": () => zoom(0.5),
        "=": () => zoom(0.5),
        "-": () => zoom(2),
        0: () => show(...whole),
        Escape: () => show(...whole),
      };
      if (keys[event.key]) {
        keys[event.key]();
        event.preventDefault();
      }
    });
    for (const [name, act] of [["in", () => zoom(0.5)], ["out", () => zoom(2)], ["all", () => show(...whole)]]) {
      figure.querySelector(`button[data-zoom="${name}"]`).addEventListener("click", act);
    }
    new ResizeObserver(() => { scale = paint(); }).observe(svg.parentElement);
    show(...whole);
  };

  const open = (check) => {
    const figure = check.querySelector("figure");
    if (check.open && figure && !figure.dataset.drawn) {
      figure.dataset.drawn = "yes";
      draw(figure);
    }
  };
  // Drawn when it comes near the window: a closed check has no box, and a page may hold very many open ones.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      open(target.closest(".check"));
    }
  }, { rootMargin: "600px" });
  for (const figure of document.querySelectorAll("figure")) near.observe(figure);
  // A link to a check opens it.
  const follow = () => {
    const check = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (check?.matches(".check")) {
      check.open = true;
      check.scrollIntoView();
    }
  };
  addEventListener("hashchange", follow);
  follow();
  addEventListener("beforeprint", () => {
    for (const check of checks) {
      if (check.dataset.verdict === "failed") check.open = true;
      if (check.open) open(check);
    }
  });
})();
