use super::*;
use surefoot::process::{Clock, Family, Noising, Process, Schedule, Spacing};
use surefoot::sampler::Method;

fn spec(text: &str, overrides: &[(&str, &str)]) -> Result<ModelSpec> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|(key, value)| Override {
            key: key.to_string(),
            value: value_of(value),
            option: format!("--set {key}={value}"),
        })
        .collect();
    read_spec(path.to_str().unwrap(), &overrides)
}

const GAUSSIAN: &str = "name = \"g\"\n[field]\nkind = \"analytic\"\ndata = \"gaussian\"\nvariances = [1, 0]\n[process]\nkind = \"ou\"\nstart = 0.9\n";

#[test]
fn defaults_follow_the_process() {
    let noising = |process: &str| {
        let spec = spec(GAUSSIAN, &[("process.kind", process)]).unwrap();
        let Process::Diffusion { noising, noise_level } = spec.process else { panic!("a diffusion") };
        assert_eq!(noise_level, 1.0);
        (noising, spec.start)
    };
    assert_eq!(noising("ou"), (Noising { family: Family::Ou, schedule: Schedule::Cosine }, 0.9));
    let linear = Schedule::Linear { min: 0.1, max: 20.0 };
    assert_eq!(noising("vp"), (Noising { family: Family::Vp, schedule: linear }, 1.0));
    assert_eq!(noising("subvp"), (Noising { family: Family::SubVp, schedule: linear }, 1.0));
    assert!(matches!(noising("ve").0.schedule, Schedule::Geometric { .. }));
}

#[test]
fn the_default_sampler_is_that_of_the_study() {
    let noising = Noising { family: Family::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };
    let sampler = |process: &str, settings: &[(&str, &str)]| {
        let spec = spec(&GAUSSIAN.replace("\"ou\"\nstart = 0.9", process), settings).unwrap();
        (spec.method, spec.steps, spec.spacing)
    };
    let (still, noisy) = ("\"vp\"\nnoise_level = 0.0", "\"vp\"\nnoise_level = 1.0");
    let karras = |rho| Spacing::Karras { noising, rho };
    assert_eq!(sampler(still, &[]), (Method::Heun, 200, karras(5.0)));
    assert_eq!(sampler(still, &[("sampler.rho", "7")]), (Method::Heun, 200, karras(7.0)));
    assert_eq!(sampler(still, &[("sampler.method", "heun")]), (Method::Heun, 200, Spacing::Uniform));
    assert_eq!(sampler(still, &[("sampler.method", "ddim")]), (Method::Ddim, 100, Spacing::Uniform));
    assert_eq!(sampler(noisy, &[]), (Method::Euler, 100, Spacing::Uniform));
    assert_eq!(sampler(noisy, &[("sampler.spacing", "karras")]), (Method::Euler, 100, karras(5.0)));
    assert_eq!(sampler("\"ve\"\nnoise_level = 0.0", &[]), (Method::Heun, 200, Spacing::Uniform));
}

#[test]
fn overrides_come_before_validation() {
    let spec =
        spec(GAUSSIAN, &[("sampler.steps", "7"), ("process.schedule", "{ kind = \"cosine-nd\" }")]).unwrap();
    assert_eq!(spec.steps, 7);
    let error = self::spec(GAUSSIAN, &[("process.noise_level", "low")]).unwrap_err().to_string();
    assert!(error.starts_with("--set process.noise_level=low"), "{error}");
    let error = self::spec(GAUSSIAN, &[("name.first", "x")]).unwrap_err().to_string();
    assert!(error.contains("m.toml:1"), "{error}");
}

#[test]
fn resolved_file_resolves_to_itself() {
    for builtin in &BUILTINS {
        let first = read_spec(&format!("builtin:{}", builtin.name), &[]).unwrap();
        let text = first.text_for(Path::new(".")).unwrap();
        let second = spec(&text, &[]).unwrap();
        assert_eq!(first.resolved, second.resolved, "{}", builtin.name);
        assert_eq!((first.process, first.start, first.end), (second.process, second.start, second.end));
    }
}

#[test]
fn clocks() {
    let network = |time: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("n.onnx"), "").unwrap();
        let path = folder.path().join("m.toml");
        let text = format!(
            "name = \"n\"\n[field]\nkind = \"onnx\"\nfile = \"n.onnx\"\npredicts = \"noise\"\n[process]\nkind = \"vp\"\ntime = {time:?}\n"
        );
        std::fs::write(&path, text).unwrap();
        read_spec(path.to_str().unwrap(), &[]).map(|spec| spec.clock)
    };
    assert_eq!(network("1000..0").unwrap(), Clock::Affine { at_noise: 1000.0, at_data: 0.0 });
    assert_eq!(network("0..1").unwrap(), Clock::Affine { at_noise: 0.0, at_data: 1.0 });
    assert_eq!(network("-1.5..2e3").unwrap(), Clock::Affine { at_noise: -1.5, at_data: 2000.0 });
    assert_eq!(network("index:1000").unwrap(), Clock::Index { count: 1000 });
    for bad in ["", "..", "1..", "0..0", "index:0", "index:x", "0..inf", "1"] {
        assert!(network(bad).is_err(), "{bad}");
    }
}

#[test]
fn relative_paths_lead_from_folder_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("a")).unwrap();
    std::fs::write(root.join("a/x.npy"), "").unwrap();
    assert_eq!(relative(&root.join("b/c"), &root.join("a/x.npy")).unwrap(), "../../a/x.npy");
    assert_eq!(relative(&root.join("a"), &root.join("a/x.npy")).unwrap(), "x.npy");
}

#[test]
fn a_product_of_supports_keeps_whole_dimensions() {
    let support = "[support]\nkind = \"product\"\nfactors = [{ kind = \"sphere\", dim = 3, radius = 2 }, { kind = \"affine\", point = [0, 1] }]\n";
    let text = format!("{GAUSSIAN}{support}");
    let first = spec(&text, &[]).unwrap();
    let SupportSpec::Shape(shape) = &first.support else { panic!("a shape") };
    assert_eq!(shape.build().unwrap().dim(), 5);
    let again = spec(&first.text_for(Path::new(".")).unwrap(), &[]).unwrap();
    assert_eq!(first.resolved, again.resolved);
    let error = spec(&text.replace("radius", "radios"), &[]).unwrap_err().to_string();
    assert!(error.contains("radios"), "{error}");
}
