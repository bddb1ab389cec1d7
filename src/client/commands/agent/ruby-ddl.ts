/**
 * Reads a DDL of MCollective, which is a program in Ruby, and prints it in Choria's form. It runs where Ruby is
 * installed: ruby -e SCRIPT FILE.ddl
 */
export const rubyDdlScript = `
require 'json'
class Ddl
  attr_reader :metadata, :actions
  def initialize; @actions = []; @metadata = {}; end
  def metadata(given = nil); given ? @metadata = given : @metadata; end
  def requires(*) end
  def dataquery(*) raise 'this is the DDL of a data plugin: there are no data functions here'; end
  def action(name, *_options, &block)
    description = _options.grep(Hash).map { |one| one[:description] }.compact.first
    @action = { 'action' => name.to_s, 'description' => description.to_s, 'input' => {}, 'output' => {}, 'aggregate' => [] }
    instance_eval(&block) if block
    @actions << @action
  end
  def display(which) @action['display'] = which.to_s; end
  def input(name, options)
    one = options.to_h { |key, value| [key.to_s, value] }
    validation = one['validation']
    one['validation'] = validation.is_a?(Regexp) ? validation.source : validation.to_s.sub(/^:/, '') if validation
    one['type'] = one['type'].to_s
    @action['input'][name.to_s] = one
  end
  def output(name, options) @action['output'][name.to_s] = options.to_h { |key, value| [key.to_s, value] }; end
  def summarize(&block) instance_eval(&block) if block; end
  def aggregate(function) @action['aggregate'] << function; end
  def method_missing(name, *args, &block) { 'function' => name.to_s, 'args' => args.map { |one| one.is_a?(Symbol) ? one.to_s : one } }; end
  def respond_to_missing?(*) true; end
end
ddl = Ddl.new
ddl.instance_eval(File.read(ARGV.fetch(0)), ARGV.fetch(0))
about = ddl.metadata.to_h { |key, value| [key.to_s, value] }
puts JSON.pretty_generate('metadata' => about, 'actions' => ddl.actions)
`;
