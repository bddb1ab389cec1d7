# Compiles and applies scripts by Puppet itself, one after the other in one process: a list of texts as JSON on standard
# input, a list of what Puppet logged (or the error) as JSON on standard output. Used by test/full/puppet-oracle.test.ts.
require 'json'
require 'puppet'
require 'tmpdir'

module Puppet
  module Test
    class LogCollector
      def initialize(lines)
        @lines = lines
      end

      def <<(message)
        @lines << { level: message.level.to_s, source: message.source.to_s, text: message.message }
      end
    end
  end
end

MODULES = ['/usr/share/puppet/modules.available', '/usr/share/puppet/modules'].freeze

def run(script)
  lines = []
  Puppet::Util::Log.close_all
  Puppet::Util::Log.newdestination(Puppet::Test::LogCollector.new(lines))
  Puppet[:code] = script
  environment = Puppet::Node::Environment.create(:production, MODULES)
  Puppet.override(current_environment: environment, loaders: Puppet::Pops::Loaders.new(environment)) do
    node = Puppet::Node.new('control', environment: environment)
    catalog = Puppet::Parser::Compiler.compile(node).to_ral
    catalog.finalize
    catalog.apply
  end
  { lines: lines }
rescue StandardError => e
  { error: e.message, lines: lines }
end

Dir.mktmpdir do |directory|
  Puppet.initialize_settings(['--confdir', File.join(directory, 'etc'), '--vardir', File.join(directory, 'var')])
  scripts = JSON.parse($stdin.read)
  puts JSON.generate(scripts.map { |script| run(script) })
end
