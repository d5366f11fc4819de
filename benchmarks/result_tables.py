# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables and sections of RESULTS.md; `make_results.py` fills them in from benchmarks/results."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of the first file, or `rows`; the other files are looked up by the same row.

    files     {alias: name in benchmarks/results}, or (name, format of the key of a row)
    columns   {heading: format over `row` and the aliases}, such as {"E": "{d[energy_mae]:.2f}"}
    labels    {row: what the table shows instead}
    """

    files: dict
    columns: dict
    rows: list = None
    labels: dict = field(default_factory=dict)


@dataclass
class Section:
    """optional    left out until there are figures for it"""

    title: str
    text: str
    tables: list
    optional: bool = False


INTRODUCTION = """Current figures, made by `python benchmarks/make_results.py` from `benchmarks/results/*.json`. Each table names its commands.
What was tried, and figures of earlier code, are in the [notebook](../docs/notebook/index.md).
Energies are in meV/atom, force components in eV/Angstrom. MD and kernels use one core.
The speed of the Xeon changes by up to 1.4 within minutes, so ratios of one run say more than times.
"""

STYLES = {
    "tersoff": "tersoff",
    "pod": "pod, 184 coefficients",
    "mixed": "almlip, mixed precision",
    "double": "almlip, double precision",
    "mixed-sigma10": "almlip, mixed, sigma every 10 steps",
    "mixed-sigma1": "almlip, mixed, sigma every step",
}
STRATEGIES = ["uncertainty", "diversity", "hybrid", "lcmd", "badge", "power", "alc", "alc-use"]
SELECTION_SETS = ["Si", "Si rare events", "C", "TiO2"]
LATTICES = ["diamond", "bcc", "fcc", "sc"]
METALS_AND_SI = ["Si", "Mo", "Li", "Ni", "Cu"]
POOL_SERIES = ["alc from medoids", "alc", "power", "hybrid", "uncertainty"]
STATICS = ["a0", "B", "C11", "C12", "C44", "O(Gamma)", "TA(X)", "LA(X)", "TO(X)"]
STATICS += ["TA(L)", "LA(L)", "LO(L)", "TO(L)"]
BOTH_PHASES = "crystal and melt, 1024 atoms, 12 ps from {} K: {}"
DYNAMICS = [
    "drift at constant energy, 512 atoms, 600 K",
    "lattice constant at 300 K",
    "lattice constant at 1200 K",
    "mean linear expansion, 300 to 1200 K",
    "mean square displacement at 1200 K after 13 ps",
    "melt at 1700 K, density of the crystal: pressure",
    "melt at 1700 K, after 3 ps at no pressure: density",
    "the same: neighbours within 3.1 Angstrom",
    *(
        BOTH_PHASES.format(start, what)
        for start in (1000, 1800)
        for what in ("temperature", "pressure")
    ),
]
SYSTEMS = ["all", "C", "Si", "Fe", "Ti-O"]


def mean_and_root(alias, part, what, digits):
    return " / ".join(f"{{{alias}[{part}_{what}_{mean}]:.{digits}f}}" for mean in ("mae", "rmse"))


def labels_table(name, *kinds):
    """What campaign_labels.py leaves: errors on test frames, also by kind of frame."""
    forces = {kind: f"{{c[{kind}]:.3f}}" for kind in kinds}
    columns = {"": "{row}", "force MAE, eV/A": "{c[force_mae]:.4f}", **forces}
    return Table({"c": name}, {**columns, "energy MAE, meV/atom": "{c[energy_mae]:.2f}"})


TABLES = {
    "accuracy": Table(
        {"d": "accuracy", "a": "accuracy-accurate"},
        {
            "set": "{row}",
            "`default` E": mean_and_root("d", "test", "energy", 2),
            "F": mean_and_root("d", "test", "force", 4),
            "fit, s": "{d[fit_seconds]:.0f}",
            "`accurate` E": mean_and_root("a", "test", "energy", 2),
            "F ": mean_and_root("a", "test", "force", 4),
            "fit, s ": "{a[fit_seconds]:.0f}",
            "published E, F (MAE)": "{d[published]}",
        },
    ),
    "uncertainty": Table(
        {"d": "accuracy", "a": "accuracy-accurate"},
        {
            "set": "{row}",
            "ECE, %": "{d[ece]:.1f}",
            "90 % bound holds, %": "{d[coverage90]:.1f}",
            "Spearman": "{d[spearman]:.2f}",
            "worst 5 in top 10": "{d[worst5_in_top10]:.2f}",
            "`accurate`: ECE": "{a[ece]:.1f}",
            "bound": "{a[coverage90]:.1f}",
            "Spearman ": "{a[spearman]:.2f}",
        },
    ),
    "sigma": Table(
        {"d": "accuracy"},
        {
            "": "{row}",
            "a, p": "{d[sigma_law]}",
            "ece, %": "{d[ece]:.1f}",
            "coverage90, %": "{d[coverage90]:.1f}",
            "spearman": "{d[spearman]:.2f}",
            "worst5_in_top10": "{d[worst5_in_top10]:.2f}",
        },
        rows=METALS_AND_SI,
    ),
    "speed": Table(
        {
            "d": "speed",
            "f": "speed-fast",
            "a": "speed-accurate",
            "z4": "speed-zen4",
            "z3": "speed-zen3",
        },
        {
            "style": "{row}",
            "`default`": "{d[median]:.2f}",
            "to Tersoff": "{d[ratio]:.2f}",
            "`fast`": "{f[median]:.2f}",
            "to Tersoff ": "{f[ratio]:.2f}",
            "`accurate`": "{a[median]:.2f}",
            "to Tersoff  ": "{a[ratio]:.2f}",
            "`default` on Zen 4": "{z4[median]:.2f}",
            "Zen 3": "{z3[median]:.2f}",
        },
        labels=STYLES,
    ),
    "kernels": Table(
        {"x": "kernels", "z3": "kernels-zen3"},
        {
            "": "{row}",
            "mean": "{x[mean]:.2f}",
            "generic": "{x[mean_generic]:.2f}",
            "members": "{x[members]:.2f}",
            "generic ": "{x[members_generic]:.2f}",
            "Zen 3: mean": "{z3[mean]:.2f}",
            "members ": "{z3[members]:.2f}",
        },
    ),
    "training": Table(
        {"x": "training", "z4": "training-zen4", "z3": "training-zen3"},
        {
            "": "{row}",
            "Xeon, s": "{x[cpu]:.1f}",
            "Zen 4, s": "{z4[cpu]:.1f}",
            "Zen 3, s": "{z3[cpu]:.1f}",
            "held-out F, E": "{x[force_mae]:.4f}, {x[energy_mae]:.2f}",
        },
    ),
    "ranks": Table(
        {"r": "training-ranks"},
        {"": "{row}", "wall, s": "{r[wall]:.1f}", "speedup": "{r[speedup]:.2f}"},
    ),
    "tuning": Table(
        {"t": "tuning"},
        {
            "": "{row}",
            "defaults: F, E": "{t[force_mae]:.4f}, {t[energy_mae]:.2f}",
            "tuned: F, E": "{t[tuned_force_mae]:.4f}, {t[tuned_energy_mae]:.2f}",
            "score": "{t[score]:.3f}",
            "chosen": "{t[chosen]}",
        },
    ),
    "silicon_errors": Table(
        {"e": "silicon_errors"},
        {
            "frames": "{row}",
            "energy MAE (RMSE), meV/atom": "{e[energy_mae]:.1f} ({e[energy_rmse]:.1f})",
            "force MAE (RMSE), eV/Angstrom": "{e[force_mae]:.3f} ({e[force_rmse]:.3f})",
            "stress MAE (RMSE), GPa": "{e[stress_mae]:.2f} ({e[stress_rmse]:.2f})",
        },
        labels={
            "crystal": "crystal, 300 to 1400 K",
            "hot": "hot, 1800 and 2200 K",
            "melt": "melt, 1800 to 3500 K",
        },
    ),
    "statics": Table(
        {"s": "silicon_physics"},
        {
            "property": "{row}",
            "unit": "{s[unit]}",
            "potential": "{s[potential]}",
            "reference method": "{s[reference]}",
            "difference": "{s[difference]:+.1f} %",
            "measured": "{s[measured]}",
        },
        rows=STATICS,
    ),
    "dynamics": Table(
        {"s": "silicon_physics"},
        {"dynamics": "{row}", "value": "{s[potential]} {s[unit]}"},
        rows=DYNAMICS,
    ),
    "silicon_campaign": Table(
        {"c": "silicon_campaign"},
        {
            "": "{row}",
            "labelled": "{c[labelled]}",
            "training": "{c[training]}",
            "candidates": "{c[candidates]}",
            "force MAE, eV/A": "{c[force_mae]:.4f}",
            "crystal": "{c[crystal]:.3f}",
            "hot": "{c[hot]:.3f}",
            "melt": "{c[melt]:.3f}",
            "on new labels": "{c[new_force_mae]:.3f}",
            "energy MAE, meV/atom": "{c[energy_mae]:.2f}",
            "max sigma, eV/A": "{c[max_sigma]:.3f}",
            "seconds": "{c[seconds]:.0f}",
        },
    ),
    "silicon_labels": labels_table("silicon_labels", "crystal", "hot", "melt"),
    "alas_labels": labels_table("alas_labels", "crystal", "vacancy", "antisite", "melt"),
    "short_range": Table(
        {lattice: ("short_range", f"{{0}}: {lattice} {{0}}") for lattice in LATTICES},
        {
            "": "{row}",
            **{
                lattice: f"{{{lattice}[pressure_60]:.0f}}, {{{lattice}[pressure_40]:.0f}}, "
                f"{{{lattice}[pressure_30]:.0f}}; {{{lattice}[energy_fall]:.2g}}"
                for lattice in LATTICES
            },
        },
        rows=METALS_AND_SI,
    ),
    "selection": Table(
        {name: ("selection", f"{name}, {{}}") for name in SELECTION_SETS},
        {
            "": "{row}",
            **{
                name: f"{{{name}[area_mae]:+.1f}} ± {{{name}[area_mae_error]:.1f}}, "
                f"{{{name}[area_rmse]:+.1f}} ± {{{name}[area_rmse_error]:.1f}}"
                for name in SELECTION_SETS
            },
        },
        rows=STRATEGIES,
    ),
    "pool": Table(
        {name: ("pool", f"{name}, {{}}") for name in SYSTEMS},
        {
            "": "{row}",
            **{
                name: f"{{{name}[saving]:+.0f}} [{{{name}[saving_low]:+.0f}}, {{{name}[saving_high]:+.0f}}], "
                f"{{{name}[area]:+.1f}}"
                for name in SYSTEMS
            },
        },
        rows=POOL_SERIES,
    ),
    "gpu_kernels": Table(
        {"d": "device"},
        {
            "kernels, preset/atoms": "{row}",
            "GPU": "{d[device]}",
            "mean force": "{d[atom_steps]:.1f}",
            "sigma every 10 steps": "{d[atom_steps_sigma_10]:.1f}",
            "every step": "{d[atom_steps_sigma_1]:.1f}",
            "mean force, atoms on the host": "{d[atom_steps_from_host]:.1f}",
        },
    ),
    "gpu_steps": Table(
        {"d": "device-steps"},
        {
            "whole steps, style/atoms": "{row}",
            "GPU": "{d[device]}",
            "mean force": "{d[mean]:.2f}",
            "sigma every 10 steps": "{d[sigma_10]:.2f}",
            "every step": "{d[sigma_1]:.2f}",
            "fix al_query": "{d[query_10]:.2f}",
        },
    ),
}

SECTIONS = [
    Section(
        "Accuracy",
        """Errors on test frames, MAE / RMSE, beside published ones. One recipe for all sets, the defaults of `almlip train`; committee of 5.
Published errors are those of fits that use all training frames; here a tenth is held out for the calibration until the last passes.
MoNbTaW learns elements and binaries only; its quaternary cells (multinary) are extrapolation. InP's energy RMSE is made by strongly compressed cells. MoNbTaW, InP and TiO2, and all with `accurate`, were fitted beside other programs: their times are too long. [Presets before and now](../docs/notebook/2026-11-30-presets.md).""",
        ["accuracy"],
    ),
    Section(
        "Uncertainty",
        """Of the same fits and frames; ECE is the expected calibration error.
The last columns are of preset `accurate`. What the figures mean is on the page of [almlip eval](../docs/almlip.md#eval).""",
        ["uncertainty"],
    ),
    Section(
        "Speed of molecular dynamics",
        """Whole MD steps of 1000 silicon atoms at 300 K, in us/atom/step: medians of repeats in turn, all styles in one LAMMPS (22Jul2025).""",
        ["speed"],
    ),
    Section(
        "Kernels",
        """The kernels alone, us/atom, least of nine; presets that are compiled, and the same shape through the generic path. `members` are steps that ask for sigma.""",
        ["kernels"],
    ),
    Section(
        "Training",
        """Processor time of fits to silicon, of a refit after a query, and of LAMMPS's own `fitpod` on the same frames; errors on the same held-out fold.
Below, MoNbTaW on one and two ranks.""",
        ["training", "ranks"],
    ),
    Section(
        "Search of settings",
        """`almlip train --tune`, judged on a quarter of the frames that neither the search nor its rules have seen. Score: (ratio of F)^(2/3) (ratio of E)^(1/3).""",
        ["tuning"],
    ),
    Section(
        "Selection of configurations",
        """Change of the force error against random choice, in percent over all rounds (MAE, RMSE), ± standard error over ten seeds. Negative is better.
Pool and test are of one distribution, but for the rare events, where `alc-use` is told of unlabelled frames of the intended use.""",
        ["selection"],
    ),
    Section(
        "Pools of materials",
        """Share of labels that a strategy saves against random choice, in percent, with 90 % intervals, and change of the error over all rounds ([study](../docs/pool-study.md)).""",
        ["pool"],
    ),
    Section(
        "Short range",
        """Crystals compressed to 60, 40 and 30 % of their volume: pressures in GPa; and the largest fall of the energy on the way, eV/atom, which should be 0.
In the lattice of the training frames all are repelled. In others there are holes, which differ from fit to fit; sigma tells of them before they are reached.""",
        ["short_range"],
    ),
    Section(
        "GPU",
        """Bulk silicon in mixed precision, million atom-steps per second ([GPU](../docs/gpu.md)): the kernels alone, with lists made beforehand, and whole steps of LAMMPS.
Sigma is that of `fix pair` in whole steps; `fix al_query` looks every 10 steps.""",
        ["gpu_kernels", "gpu_steps"],
        optional=True,
    ),
]
