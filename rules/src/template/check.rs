//! What a template may do, checked on its syntax tree by an allow-list:
//! whatever is not named here is refused.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter, Stmt};
use minijinja::machinery::{Span, parse};

use super::{Allowed, DEPTH_MAX, FILTERS, Place, TemplateError};
use crate::nearest::nearest;

/// What a checked template reads.
pub(super) struct Checked {
    /// The paths, each by the name under which its value waits.
    pub paths: BTreeSet<String>,
    /// The source with those names.
    pub source: String,
}

/// What the template reads.
///
/// A value that has others below it, as `threshold` has `threshold.n`, could not
/// be both at once for the engine: those below wait under a name of their own,
/// `threshold_n`, of the same length, so that every place in the source stays.
pub(super) fn check(place: &Place, allowed: &Allowed) -> Result<Checked, TemplateError> {
    let tree = parse(place.source, super::NAME, Default::default())
        .map_err(|error| place.explain(&error))?;
    let source = place.source.to_owned();
    let mut checker = Checker { place, allowed, paths: BTreeSet::new(), source };
    checker.statement(&tree, 0)?;
    let Checker { paths, source, .. } = checker;
    Ok(Checked { paths, source })
}

struct Checker<'a> {
    place: &'a Place<'a>,
    allowed: &'a Allowed,
    paths: BTreeSet<String>,
    source: String,
}

impl Checker<'_> {
    fn refuse<T>(&self, span: Span, what: &str, hint: &str) -> Result<T, TemplateError> {
        let (message, hint) = (what.to_owned(), Some(hint.to_owned()));
        Err(self.place.error_at(span.start_offset as usize, message, hint))
    }

    fn statement(&mut self, statement: &Stmt, depth: usize) -> Result<(), TemplateError> {
        const HINT: &str = "use {{ … }} to print a value and {% if … %} to choose between texts";
        match statement {
            Stmt::Template(template) => self.statements(&template.children, depth),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr, depth + 1),
            Stmt::IfCond(branch) => {
                if depth >= DEPTH_MAX {
                    return self.refuse(branch.span(), "conditions are nested too deep", HINT);
                }
                self.expression(&branch.expr, depth + 1)?;
                self.statements(&branch.true_body, depth + 1)?;
                self.statements(&branch.false_body, depth + 1)
            }
            Stmt::ForLoop(node) => self.refuse(node.span(), "a text cannot loop", HINT),
            Stmt::WithBlock(node) => self.refuse(node.span(), "`with` is not available", HINT),
            Stmt::Set(node) => self.refuse(node.span(), "`set` is not available", HINT),
            Stmt::SetBlock(node) => self.refuse(node.span(), "`set` is not available", HINT),
            Stmt::AutoEscape(node) => {
                self.refuse(node.span(), "`autoescape` is not available", HINT)
            }
            Stmt::FilterBlock(node) => {
                self.refuse(node.span(), "`filter` blocks are not available", HINT)
            }
            Stmt::Do(node) => self.refuse(node.span(), "`do` is not available", HINT),
            // Macros, blocks and includes exist only in builds of the engine
            // that have them.
            #[expect(unreachable_patterns, reason = "they are not part of this build")]
            _ => self.refuse(Span::default(), "this statement is not available", HINT),
        }
    }

    fn statements(&mut self, statements: &[Stmt], depth: usize) -> Result<(), TemplateError> {
        statements.iter().try_for_each(|statement| self.statement(statement, depth))
    }

    fn expression(&mut self, expression: &Expr, depth: usize) -> Result<(), TemplateError> {
        if depth > DEPTH_MAX {
            let hint = format!("nest at most {DEPTH_MAX} deep");
            return self.refuse(expression.span(), "this expression is nested too deep", &hint);
        }
        let depth = depth + 1;
        match expression {
            Expr::Const(_) => Ok(()),
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.path(expression),
            Expr::UnaryOp(node) => self.expression(&node.expr, depth),
            Expr::BinOp(node) if matches!(node.op, BinOpKind::Pow) => {
                self.refuse(node.span(), "`**` is not available", "multiply instead")
            }
            Expr::BinOp(node) => {
                self.expression(&node.left, depth)?;
                self.expression(&node.right, depth)
            }
            Expr::Compare(node) => {
                self.expression(&node.expr, depth)?;
                node.ops.iter().try_for_each(|operand| self.expression(&operand.expr, depth))
            }
            Expr::IfExpr(node) => {
                self.expression(&node.test_expr, depth)?;
                self.expression(&node.true_expr, depth)?;
                match &node.false_expr {
                    Some(otherwise) => self.expression(otherwise, depth),
                    None => self.refuse(node.span(), "`if` without `else`", "add an `else`"),
                }
            }
            Expr::List(node) => node.items.iter().try_for_each(|item| self.expression(item, depth)),
            Expr::Filter(node) => self.filter(node, node.span(), depth),
            Expr::Test(node) => self.refuse(
                node.span(),
                "`is …` is not available",
                "write {% if deal.amount %} to ask whether there is a value",
            ),
            Expr::Call(node) => {
                self.refuse(node.span(), "a text cannot call functions", "use a filter: x | lower")
            }
            Expr::Slice(_) | Expr::Tuple(_) | Expr::Map(_) => self.refuse(
                expression.span(),
                "this kind of expression is not available",
                "print one value, for example {{ deal.name }}",
            ),
        }
    }

    fn filter(&mut self, node: &Filter, span: Span, depth: usize) -> Result<(), TemplateError> {
        if !FILTERS.contains(&node.name) {
            let what = format!("there is no filter `{}`", node.name);
            let hint = match nearest(node.name, FILTERS.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("filters: {}", FILTERS.join(", ")),
            };
            return self.refuse(span, &what, &hint);
        }
        if let Some(input) = &node.expr {
            self.expression(input, depth)?;
        }
        node.args.iter().try_for_each(|argument| match argument {
            CallArg::Pos(value) => self.expression(value, depth),
            CallArg::Kwarg(..) | CallArg::PosSplat(_) | CallArg::KwargSplat(_) => self.refuse(
                span,
                &format!("`{}` takes plain arguments only", node.name),
                "write them in order, without names",
            ),
        })
    }

    fn path(&mut self, expression: &Expr) -> Result<(), TemplateError> {
        let span = expression.span();
        let Some(path) = dotted(expression) else {
            return self.refuse(
                span,
                "only fields can be read",
                "write the path out, for example {{ deal.name }}",
            );
        };
        if self.allowed.contains(&path) {
            return self.read(path, span);
        }
        let below = format!("{path}.");
        if let Some(field) = self.allowed.iter().find(|known| known.starts_with(&below)) {
            let what = format!("`{path}` is not a value by itself");
            return self.refuse(span, &what, &format!("name one of its fields, as in `{field}`"));
        }
        let hint = match nearest(&path, self.allowed.iter()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => self.usable(&path),
        };
        self.refuse(span, &format!("`{path}` is not known here"), &hint)
    }

    /// Notes a path that may be read.
    fn read(&mut self, path: String, span: Span) -> Result<(), TemplateError> {
        let above = path.rsplit_once('.').map(|(above, _)| above);
        if !above.is_some_and(|above| self.allowed.contains(above)) {
            self.paths.insert(path);
            return Ok(());
        }
        let place = span.start_offset as usize..span.end_offset as usize;
        if self.source.get(place.clone()) != Some(path.as_str()) {
            return self.refuse(
                span,
                "this is written in a way that cannot be read",
                &format!("write `{path}`"),
            );
        }
        let name = path.replace('.', "_");
        self.source.replace_range(place, &name);
        self.paths.insert(name);
        Ok(())
    }

    /// What a text may name instead of `path`: the fields beside it, or all there
    /// are where nothing begins as it does.
    fn usable(&self, path: &str) -> String {
        let root = path.split_once('.').map_or(path, |(root, _)| root);
        let beside = |name: &&str| name.split_once('.').is_some_and(|(of, _)| of == root);
        let mut names: Vec<&str> = self.allowed.iter().filter(beside).collect();
        if names.is_empty() {
            names = self.allowed.iter().collect();
        }
        format!("this text may use {}", names.join(", "))
    }
}

/// `deal.name` for `deal.name` and `deal["name"]`; `None` for anything that
/// is known only while rendering.
fn dotted(expression: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = expression;
    loop {
        match rest {
            Expr::Var(variable) => {
                parts.push(variable.id.to_owned());
                parts.reverse();
                return Some(parts.join("."));
            }
            Expr::GetAttr(node) => {
                parts.push(node.name.to_owned());
                rest = &node.expr;
            }
            Expr::GetItem(node) => {
                let Expr::Const(key) = &node.subscript_expr else { return None };
                parts.push(key.value.as_str().filter(|key| !key.contains('.'))?.to_owned());
                rest = &node.expr;
            }
            _ => return None,
        }
    }
}
